// Installs the service worker, and keeps what the home page says for the time when there is no network.
"use strict";
const keep = document.getElementById("keep");

async function keepAtHand() {
  const cache = await caches.open("kept");
  const place = `/kept/${keep.dataset.mark}`;
  for (const key of await cache.keys()) if (!key.url.endsWith(place)) await cache.delete(key);
  if (!keep.content.querySelector("h2")) return;
  await cache.put(place, new Response(keep.innerHTML, {headers: {"Content-Type": "text/html; charset=utf-8"}}));
}

async function installed() {
  await navigator.serviceWorker.register(keep.dataset.worker);
  await navigator.serviceWorker.ready;
}

if (keep && "serviceWorker" in navigator) {
  Promise.all([installed(), keepAtHand()]).then(() => { document.documentElement.dataset.kept = keep.dataset.mark; });
}
