// What the theme and its extensions say to who hears a page is brought into line with what is shown:
// a label that differs from the words on its button, and a list that is said to be one but is not.
for (const each of document.querySelectorAll("summary[aria-label], .search-button-field[aria-label]")) {
  each.removeAttribute("aria-label");
}
for (const each of document.querySelectorAll(".citation-list, .citation-list [role]")) {
  each.removeAttribute("role");
}
