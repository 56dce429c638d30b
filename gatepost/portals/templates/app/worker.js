// Gatepost's service worker. It keeps the page "you are offline" and what the family's home page last said; every page
// else comes from the network or not at all.
"use strict";
const RELEASE = "{{ release }}";
const {offline, shell, header, receipts, renewals, icon} = {{ settings|safe }};
const SHELL = `shell-${RELEASE}`;
const KEPT = "kept";
const TOLD = "told"; // the subscription that the server knows of, see app.js

self.addEventListener("install", (event) => {
  // Without cookies: what is kept for everybody names nobody.
  const requests = [offline, ...shell].map((url) => new Request(url, {credentials: "omit", cache: "reload"}));
  event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(requests)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = async () => {
    for (const name of await caches.keys()) if (![SHELL, KEPT, TOLD].includes(name)) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(old());
});

self.addEventListener("fetch", (event) => {
  const {request} = event;
  if (request.mode === "navigate") event.respondWith(opened(request));
  else if (request.method === "GET" && shell.includes(new URL(request.url).pathname)) event.respondWith(drawn(request));
});

async function opened(request) {
  let response;
  try {
    response = await fetch(request);
  } catch (error) {
    const page = request.method === "GET" && await caches.match(offline, {ignoreVary: true});
    if (page) return page;
    throw error;
  }
  // A redirect tells nothing; where it leads to does. A server in trouble says nothing about who is signed in.
  if (response.type !== "opaqueredirect" && response.status < 500) await forgetUnless(response.headers.get(header));
  return response;
}

async function drawn(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await caches.match(request.url, {ignoreVary: true});
    if (kept) return kept;
    throw error;
  }
}

// What was kept for another session, or for children this one no longer sees, is gone at the first answer that says so.
async function forgetUnless(mark) {
  const cache = await caches.open(KEPT);
  for (const key of await cache.keys()) if (!mark || !key.url.endsWith(`/${mark}`)) await cache.delete(key);
}

// A message: shown under its tag, so that a repeat takes the place of the first; then said back, which proves it came.
self.addEventListener("push", (event) => {
  const said = event.data.json();
  const {title, body, lang, tag, url} = said;
  const shown = self.registration.showNotification(title, {body, lang, tag, icon, badge: icon, data: {url}});
  event.waitUntil(Promise.all([shown, confirmed(said.receipt)]));
});

async function confirmed(word) {
  const body = new URLSearchParams({word});
  await fetch(receipts, {method: "POST", body, credentials: "omit"}).catch(() => {});
  for (const page of await self.clients.matchAll({type: "window", includeUncontrolled: true})) page.postMessage("came");
}

// The push service gave this browser another address, or took the one it had. The secret of the former one, which the
// server knows, is the proof that it is the same browser; nobody need be signed in.
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renewed(event)));

async function renewed({newSubscription}) {
  const cache = await caches.open(TOLD);
  const told = await cache.match("/told").then((kept) => kept?.json());
  if (!told) return; // it was never told of one, so nobody waits for messages here
  const options = {userVisibleOnly: true, applicationServerKey: told.key};
  const given = (newSubscription || await self.registration.pushManager.subscribe(options)).toJSON();
  const {endpoint, keys} = given;
  const former = {former_endpoint: told.endpoint, former_p256dh: told.keys.p256dh, former_auth: told.keys.auth};
  const body = new URLSearchParams({endpoint, ...keys, ...former, key: told.key});
  const answer = await fetch(renewals, {method: "POST", body, credentials: "omit"});
  if (answer.ok) await cache.put("/told", Response.json({...told, endpoint, keys}));
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(opening(event.notification.data.url));
});

async function opening(url) {
  const [page] = await self.clients.matchAll({type: "window", includeUncontrolled: true});
  if (!page) return self.clients.openWindow(url);
  await page.focus().catch(() => {}); // a browser may refuse that, and still lead there
  return page.navigate(url).catch(() => self.clients.openWindow(url));
}
