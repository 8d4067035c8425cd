// What a browser can say of a page or of a deck of slides; called by book/look.py.

// A page: does it scroll sideways, what did it ask of a network, which picture has no words?
function lookAtPage() {
  const root = document.documentElement;
  const pictures = [...document.images].filter((each) => each.getClientRects().length);
  const figures = [...document.querySelectorAll(".cell_output img")];
  return {
    sideways: root.scrollWidth - root.clientWidth,
    asked: performance.getEntriesByType("resource").map((each) => each.name)
      .filter((name) => !/^(file|data|blob):/.test(name)),
    broken: pictures.filter((each) => !each.naturalWidth).map((each) => each.src.slice(0, 80)),
    silent: pictures.filter((each) => !each.hasAttribute("alt")).map((each) => each.src.slice(0, 80)),
    figures: figures.filter((each) => each.naturalWidth).map((each) => ({
      source: each.src, words: each.alt, shown: shownAt(each, each.getBoundingClientRect()),
    })),
  };
}

const NO_LETTERS = 99; // where a slide has none, pixels
const POINT = 96 / 72; // pixels of a point in an SVG as it is drawn

// A deck: each slide, with nothing uncovered and with everything, against its frame.
async function lookAtSlides() {
  while (!window.Reveal?.isReady?.()) await nextFrame();
  const seen = [];
  for (const slide of Reveal.getSlides()) {
    const { h, v } = Reveal.getIndices(slide);
    Reveal.slide(h, v, -1);
    await nextFrame();
    const states = [lookAtSlide(slide)];
    while (Reveal.availableFragments().next) {
      Reveal.nextFragment();
      await nextFrame();
      states.push(lookAtSlide(slide));
    }
    const notes = slide.querySelector("aside.notes");
    seen.push({
      at: v ? `${h + 1}.${v + 1}` : `${h + 1}`,
      title: (slide.querySelector("h1, h2, h3")?.innerText ?? "").replace("¶", "").trim(),
      below: Math.max(...states.map((each) => each.below)),
      beside: Math.max(...states.map((each) => each.beside)),
      letters: Math.min(...states.map((each) => each.letters)),
      figure: Math.min(...states.map((each) => each.figure)),
      zoom: Math.min(...states.map((each) => each.zoom)),
      notes: Boolean(notes?.innerText.trim()),
    });
  }
  return seen;
}

function nextFrame() {
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}

// Pixels by which a slide leaves its frame, and the height of its smallest letters, in pixels of a
// frame of 720 whatever the screen.
function lookAtSlide(slide) {
  const frame = document.querySelector(".reveal").getBoundingClientRect();
  const scale = frame.height / 720;
  let [below, beside, letters, figure] = [0, 0, NO_LETTERS, NO_LETTERS];
  for (const each of slide.querySelectorAll("*")) {
    if (each.closest("aside") || !each.checkVisibility({ checkVisibilityCSS: true })) continue;
    if (each.closest(".fragment:not(.visible)")) continue;
    const box = each.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const own = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own && each.tagName !== "IMG") continue;
    below = Math.max(below, (box.bottom - frame.bottom) / scale);
    beside = Math.max(beside, (box.right - frame.right) / scale);
    if (each.tagName === "IMG") figure = Math.min(figure, (drawnLetters(each) * shownAt(each, box)) / scale);
    if (own && !each.closest("math, sub, sup")) letters = Math.min(letters, lettersOf(each) / scale);
  }
  return { below: Math.round(below), beside: Math.round(beside), letters, figure, zoom: Number(slide.style.zoom || 1) };
}

// The smallest letters of a picture, in pixels of its own size. matplotlib draws them as outlines of a
// hundred units, each text in a group that is scaled to its size; a demonstration's PNG says it
// (convbook/drawing/stage.py). A scale of 1 is that of a photograph.
function drawnLetters(picture) {
  const [, kind, data] = picture.src.match(/^data:image\/(svg\+xml|png);base64,(.*)$/s) ?? [];
  if (kind === "png") return Number(atob(data).match(/tEXtLetters\0([\d.]+)/)?.[1] ?? NO_LETTERS);
  const sizes = data ? [...atob(data).matchAll(/scale\((0\.\d+) -\1\)/g)] : [];
  return Math.min(NO_LETTERS, ...sizes.map((found) => 100 * found[1] * POINT));
}

// How many times its own size a picture is shown, which keeps its proportions within its box.
function shownAt(picture, box) {
  return Math.min(box.width / picture.naturalWidth, box.height / picture.naturalHeight);
}

// The height of letters as they stand on the screen: the style's, times what made them smaller.
function lettersOf(each) {
  const ruler = document.createElement("span");
  ruler.style.cssText = "position:absolute;display:block;width:0;height:100px;visibility:hidden";
  each.append(ruler);
  const shrunk = ruler.getBoundingClientRect().height / 100;
  ruler.remove();
  return parseFloat(getComputedStyle(each).fontSize) * shrunk;
}
