// Starts the slides. Where a step has much code and a figure, the figure comes one key later in the
// code's place. On a slide that is too full captions go; what is still higher than the slide is made
// smaller until it fits, down to a half.
const HEIGHT = 720;
const SMALLEST_WITH_CAPTION = 0.9; // of their size; where all would get smaller, captions go
const MUCH = 6; // lines of code beside which a figure is too small to be read from the back row

function fit(section) {
  section.style.zoom = 1;
  section.classList.remove("crowded");
  section.classList.toggle("crowded", section.scrollHeight > HEIGHT / SMALLEST_WITH_CAPTION);
  const high = section.scrollHeight;
  if (high > HEIGHT) section.style.zoom = Math.max(0.5, HEIGHT / high);
}

function hideWhatIsReplaced(section) {
  for (const output of section.querySelectorAll(".in-place-of-code")) {
    output.closest(".jp-CodeCell").classList.toggle("replaced", output.classList.contains("visible"));
  }
}

for (const cell of document.querySelectorAll(".jp-CodeCell")) {
  const code = cell.querySelector(".jp-Cell-inputWrapper");
  const output = cell.querySelector(".jp-Cell-outputWrapper");
  if (!code || !output || !output.querySelector("img, svg, table")) continue;
  if (code.innerText.trim().split("\n").length > MUCH) {
    output.classList.add("fragment", "in-place-of-code");
  }
}

function settle() {
  hideWhatIsReplaced(Reveal.getCurrentSlide());
  fit(Reveal.getCurrentSlide());
}

Reveal.initialize({
  width: 1280, height: HEIGHT, margin: 0.04, center: false, hash: true, slideNumber: "c/t",
  transition: "none", controls: true, progress: true, plugins: [RevealNotes],
}).then(() => {
  for (const event of ["slidechanged", "fragmentshown", "fragmenthidden"]) Reveal.on(event, settle);
  settle();
});
