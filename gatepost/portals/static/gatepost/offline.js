// Shows what was kept, with its moment, and comes back by itself as soon as Gatepost answers.
"use strict";
const TRIES = 60;
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function show() {
  const cache = await caches.open("kept");
  for (const key of await cache.keys()) {
    const page = new DOMParser().parseFromString(await (await cache.match(key)).text(), "text/html");
    const known = page.querySelector("[data-until]");
    if (known && new Date(known.dataset.until) > new Date()) document.getElementById("kept").replaceChildren(known);
  }
  document.documentElement.dataset.ready = "";
}

async function comeBack() {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const answers = navigator.onLine && await fetch("/healthz").then((answer) => answer.ok, () => false);
    if (answers) return location.reload();
    await pause(navigator.onLine ? 2_000 : 10_000);
  }
}

show();
comeBack();
addEventListener("online", comeBack);
