// A menu closes on Escape and on a touch outside it; what went wrong has the focus. Everything works without this file.
"use strict";
const openMenus = () => document.querySelectorAll("details.menu[open]");
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});
// After "Skip to the main content" the address ends in "#main", and the browser would put the focus there instead.
addEventListener("load", () => {
  if (location.hash) document.querySelector("[autofocus]")?.focus();
});
