// Asks the browser for a push subscription, and follows a test message. Nothing happens before the button is pressed.
"use strict";
const form = document.getElementById("push");
const say = (which) => document.querySelectorAll("[data-when]").forEach((line) => { line.hidden = line.dataset.when !== which; });
const octets = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

async function subscribe() {
  const {pushManager} = await navigator.serviceWorker.register(form.dataset.worker).then(() => navigator.serviceWorker.ready);
  // One that was given another key takes no message of ours.
  const old = await pushManager.getSubscription();
  if (old) await old.unsubscribe();
  const given = await pushManager.subscribe({userVisibleOnly: true, applicationServerKey: octets(form.key.value)});
  const {endpoint, keys} = given.toJSON();
  Object.assign(form.endpoint, {value: endpoint});
  Object.assign(form.p256dh, {value: keys.p256dh});
  Object.assign(form.auth, {value: keys.auth});
  await caches.open("told").then((cache) => cache.put("/told", Response.json({endpoint, keys, key: form.key.value})));
  form.submit();
}

if (form && "PushManager" in window && "serviceWorker" in navigator && "Notification" in window) {
  const button = form.querySelector("button");
  button.disabled = false;
  say(Notification.permission === "denied" ? "denied" : "");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      if (await Notification.requestPermission() !== "granted") say("denied");
      else await subscribe();
    } catch (error) {
      say("failed");
    }
    button.disabled = false;
  });
}
navigator.serviceWorker?.addEventListener("message", (event) => { if (event.data === "came" && !form) location.reload(); });
