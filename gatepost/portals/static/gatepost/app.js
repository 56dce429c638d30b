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

// At each visit, once a day and session: this browser still takes messages, for whoever is signed in. The subscription
// that the server knows of is kept, here and by the worker: whoever has another one since proves itself by its secret.
async function takenStill() {
  const {pushKey, pushUrl, pushRenewals, mark} = keep.dataset;
  if (!pushKey || !("PushManager" in window) || Notification.permission !== "granted") return;
  const {pushManager} = await navigator.serviceWorker.ready;
  const cache = await caches.open("told");
  const told = await cache.match("/told").then((kept) => kept?.json());
  let given = await pushManager.getSubscription();
  if (!given && !told) return;
  const octets = Uint8Array.from(atob(pushKey.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  if (given && String(new Uint8Array(given.options.applicationServerKey)) !== String(octets)) {
    await given.unsubscribe();
    given = null;
  }
  given ||= await pushManager.subscribe({userVisibleOnly: true, applicationServerKey: octets});
  const {endpoint, keys} = given.toJSON();
  if (told && told.endpoint !== endpoint) {
    const former = {former_endpoint: told.endpoint, former_p256dh: told.keys.p256dh, former_auth: told.keys.auth};
    const renewal = new URLSearchParams({endpoint, ...keys, ...former, key: pushKey});
    await fetch(pushRenewals, {method: "POST", body: renewal});
  }
  const said = `${mark} ${endpoint} ${new Date().toDateString()}`;
  if (localStorage.getItem("push") === said) return;
  const body = new URLSearchParams({endpoint, ...keys, key: pushKey, quietly: ""});
  body.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
  const answer = await fetch(pushUrl, {method: "POST", body});
  if (answer.status !== 204) return;
  localStorage.setItem("push", said);
  await cache.put("/told", Response.json({endpoint, keys, key: pushKey}));
}

if (keep && "serviceWorker" in navigator) {
  Promise.all([installed(), keepAtHand()]).then(() => { document.documentElement.dataset.kept = keep.dataset.mark; });
  takenStill();
}
