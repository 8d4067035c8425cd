// Starts the slides. What is too high for one slide goes on on the next, under the same headline:
// letters that the back row cannot read are no help. What is only a little too high is made smaller.
const WIDTH = 1280;
const HEIGHT = 720;
const SMALLEST = 0.9; // of its size, to fit; what would get smaller than that goes on on a slide more
const MUCH = 6; // lines of code beside which a figure is too small to be read from the back row
const LEAST_FIGURE = 400; // pixels of height to which a figure gives way to the words beside it

const crowded = (section) => section.scrollHeight > HEIGHT / SMALLEST;
const lines = (code) => code.textContent.replace(/\s+$/, "").split("\n");

// --- spreading over more slides ------------------------------------------------------------------

function spread(section) {
  const notes = section.querySelector("aside.notes");
  const headline = section.querySelector("h1, h2, h3") ?? section.querySelector(".words > p");
  const pieces = [...section.children].filter((each) => each !== notes).flatMap(piecesOf);
  section.replaceChildren();
  let slide = section;
  let empty = true; // but for the headline

  const turn = () => {
    if (notes) slide.append(slide === section ? notes : notes.cloneNode(true));
    const next = document.createElement("section");
    show(next);
    slide.after(next);
    slide = next;
    empty = true;
    if (headline) next.append(continued(headline));
  };
  const put = (piece, later) => {
    const shown = later ? wrapped(piece) : piece;
    slide.append(shown);
    if (crowded(slide) && !empty) {
      shown.remove();
      turn();
      slide.append(piece);
    }
    empty = false;
  };

  for (const { element, later, alone, text } of pieces) {
    if (alone && !empty) turn();
    if (!text) {
      put(element, later && !empty);
      continue;
    }
    slide.append(element);
    if (!empty && crowded(slide)) {
      element.remove();
      turn();
      slide.append(element);
    }
    const parts = crowded(slide) ? cut(element, heightOf(slide) - heightOf(element)) : [element];
    element.remove();
    for (const [index, part] of parts.entries()) put(part, later && !empty && !index);
  }
  if (notes) slide.append(slide === section ? notes : notes.cloneNode(true));
}

// A cell's code and each of its outputs by themselves; what is no cell stays whole.
function piecesOf(child) {
  const cell = child.matches(".jp-CodeCell") ? child : child.querySelector(":scope > .jp-CodeCell");
  const later = child.classList.contains("fragment");
  if (!cell) return [{ element: later ? child.firstElementChild : child, later }];
  const code = cell.querySelector(".jp-Cell-inputWrapper");
  const area = cell.querySelector(".jp-OutputArea");
  const outputs = [...(area?.children ?? [])];
  const apart = goesApart(cell);
  const found = [];
  if (code) found.push({ element: within(cell, code), later, text: true });
  outputs.forEach((output, index) => {
    const text = !output.querySelector("img, svg, table") && output.querySelector("pre");
    const shown = { later: later || Boolean(code), alone: apart && !index, text: Boolean(text) };
    found.push({ element: within(cell, output), ...shown });
  });
  return found;
}

// Whether a cell has much code and a figure, which then has a slide to itself.
function goesApart(cell) {
  const code = cell.querySelector(".jp-Cell-inputWrapper pre");
  const drawn = cell.querySelector(".jp-OutputArea :is(img, svg, table)");
  return Boolean(drawn && code && lines(code).length > MUCH);
}

// An element in copies of what it lies in, up to its cell: the style asks for them.
function within(cell, element) {
  let inner = element;
  for (let place = element.parentElement; ; place = place.parentElement) {
    const shell = place.cloneNode(false);
    shell.removeAttribute("id");
    shell.append(inner);
    inner = shell;
    if (place === cell) return shell;
  }
}

function wrapped(piece) {
  const fragment = document.createElement("div");
  fragment.className = "fragment";
  fragment.append(piece);
  return fragment;
}

function continued(headline) {
  const again = document.createElement(headline.matches("p") ? "p" : headline.tagName);
  again.append(...headline.cloneNode(true).childNodes);
  again.className = "continued";
  return again;
}

// Code or printed lines in parts that fit under what takes `taken` pixels: cut at an empty line, else
// before a line at the margin, else anywhere.
function cut(element, taken) {
  const pre = element.querySelector("pre");
  const all = lines(pre);
  const room = HEIGHT - taken - (heightOf(element) - heightOf(pre));
  const most = Math.max(MUCH, Math.floor(room / (heightOf(pre) / all.length)));
  const parts = [];
  for (let start = 0; start < all.length; ) {
    let end = Math.min(all.length, start + most);
    if (end < all.length) {
      const least = start + Math.ceil(most / 3);
      const places = [...Array(end - least + 1).keys()].map((back) => end - back);
      end = places.find((at) => !all[at - 1].trim()) ?? places.find((at) => /^\S/.test(all[at])) ?? end;
    }
    parts.push(part(element, all, start, end));
    start = end;
    while (start < all.length && !all[start].trim()) start += 1;
  }
  return parts;
}

// A copy of the element with its code's lines from start up to end.
function part(element, all, start, end) {
  const copy = element.cloneNode(true);
  const pre = copy.querySelector("pre");
  const from = all.slice(0, start).reduce((sum, line) => sum + line.length + 1, 0);
  const length = all.slice(start, end).join("\n").replace(/\s+$/, "").length;
  const range = document.createRange();
  range.setStart(...place(pre, from));
  range.setEnd(...place(pre, from + length));
  pre.replaceChildren(range.cloneContents());
  return copy;
}

// The text node, and the place in it, at which a number of letters have gone by.
function place(root, count) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  let node = walker.nextNode();
  while (node && count > node.length) {
    count -= node.length;
    node = walker.nextNode();
  }
  return [node, count];
}

function heightOf(element) {
  return element.getBoundingClientRect().height;
}

function show(section) {
  section.style.cssText = `display: block; position: relative; width: ${WIDTH}px;`;
}

function spreadAll() {
  const slides = document.querySelector(".reveal .slides");
  slides.style.cssText = `width: ${WIDTH}px; display: block; position: static; zoom: 1;`;
  const stacks = [...slides.children];
  for (const stack of stacks) {
    show(stack);
    for (const section of [...stack.children]) show(section);
    for (const section of [...stack.children]) {
      const apart = [...section.querySelectorAll(".jp-CodeCell")].some(goesApart);
      if (apart || crowded(section)) spread(section);
    }
    for (const section of [stack, ...stack.children]) section.removeAttribute("style");
  }
  slides.removeAttribute("style");
}

// --- fitting one slide ---------------------------------------------------------------------------

function fit(section) {
  section.style.zoom = 1;
  for (const each of section.querySelectorAll(".formula")) {
    each.style.fontSize = "";
    const wide = each.scrollWidth / each.clientWidth;
    if (wide > 1) each.style.fontSize = `${parseFloat(getComputedStyle(each).fontSize) / wide}px`;
  }
  const figures = [...section.querySelectorAll("img")];
  for (const each of figures) each.style.maxHeight = "";
  const over = section.scrollHeight - HEIGHT;
  if (over > 0) {
    for (const each of figures) {
      each.style.maxHeight = `${Math.max(LEAST_FIGURE, each.offsetHeight - over / figures.length)}px`;
    }
  }
  const high = section.scrollHeight;
  if (high > HEIGHT) section.style.zoom = Math.max(0.5, HEIGHT / high);
}

const settle = () => fit(Reveal.getCurrentSlide());

Promise.all([...document.images].map((each) => each.decode().catch(() => 0)))
  .then(() => document.fonts.ready)
  .then(spreadAll)
  .then(() => Reveal.initialize({
    width: WIDTH, height: HEIGHT, margin: 0.02, center: false, hash: true, slideNumber: "c/t",
    transition: "none", controls: true, progress: true, plugins: [RevealNotes],
  }))
  .then(() => {
    for (const event of ["slidechanged", "fragmentshown", "fragmenthidden"]) Reveal.on(event, settle);
    settle();
  });
