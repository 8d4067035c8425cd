// What the theme and its extensions say to who hears a page is brought into line with what is shown:
// a label that differs from the words on its button, and a list that is said to be one but is not.
for (const each of document.querySelectorAll("summary[aria-label], .search-button-field[aria-label]")) {
  each.removeAttribute("aria-label");
}
for (const each of document.querySelectorAll(".citation-list, .citation-list [role]")) {
  each.removeAttribute("role");
}
// Printed lines in columns are not wrapped.
for (const each of document.querySelectorAll(".cell_output pre")) {
  const apart = each.textContent.split("\n").filter((line) => (line.trim().match(/\S {2,}(?=\S)/g) ?? []).length > 1);
  each.classList.toggle("columns", apart.length > 2);
}
// What scrolls can be reached, and scrolled, by keyboard.
function reach() {
  for (const each of document.querySelectorAll("article :is(pre, table, .formula, .cell_output, .highlight)")) {
    if (each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).overflowX !== "visible") each.tabIndex = 0;
  }
}
addEventListener("load", reach);
addEventListener("resize", reach);
// The name of the book in the corner lies in no landmark of the theme's.
const home = document.querySelector(".sidebar-primary-item:has(.navbar-brand)");
home?.setAttribute("role", "navigation");
home?.setAttribute("aria-label", "To the first page");
