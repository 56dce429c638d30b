// When the board is replaced, lists that were open stay open. The focus is kept by htmx, by the ids of the buttons.
"use strict";
let wereOpen = [];
const lists = () => [...document.querySelectorAll("#board details")];
document.addEventListener("htmx:beforeSwap", () => {
  wereOpen = lists().map((list) => list.open);
});
document.addEventListener("htmx:afterSwap", () => {
  lists().forEach((list, place) => {
    list.open = wereOpen[place] || false;
  });
});
