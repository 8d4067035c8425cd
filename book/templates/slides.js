// Without this script the slides stand below each other. With it: right, space and page down show
// what comes next, left and page up what was before, home and end the first and the last slide.
const slides = [...document.querySelectorAll("section")];
let at = Math.min(slides.length, Math.max(1, parseInt(location.hash.slice(1)) || 1)) - 1;
let shown = 0;

const fragments = (slide) => [...slide.querySelectorAll(".fragment")];

// A slide a little too tall is made smaller, one far too tall is scrolled.
function fit(content) {
  content.style.zoom = 1;
  const room = innerHeight - 90;
  content.style.zoom = Math.max(0.8, Math.min(1, room / content.scrollHeight));
}

function draw() {
  slides.forEach((slide, index) => { slide.hidden = index !== at; });
  const parts = fragments(slides[at]);
  parts.forEach((part, index) => part.classList.toggle("waiting", index >= shown));
  fit(slides[at].querySelector(".content"));
  history.replaceState(null, "", "#" + (at + 1));
  scrollTo(0, 0);
  if (shown > 0) parts[shown - 1].scrollIntoView({ block: "nearest" });
}

function go(slide, complete) {
  at = Math.min(slides.length - 1, Math.max(0, slide));
  shown = complete ? fragments(slides[at]).length : 0;
  draw();
}

function forward() {
  if (shown < fragments(slides[at]).length) { shown += 1; draw(); }
  else if (at + 1 < slides.length) go(at + 1, false);
}

function back() {
  if (shown > 0) { shown -= 1; draw(); }
  else if (at > 0) go(at - 1, true);
}

addEventListener("keydown", (event) => {
  const actions = {
    ArrowRight: forward, PageDown: forward, " ": forward,
    ArrowLeft: back, PageUp: back,
    Home: () => go(0, false), End: () => go(slides.length - 1, true),
  };
  if (event.key in actions && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    actions[event.key]();
  }
});
addEventListener("resize", draw);
addEventListener("load", draw);
draw();
