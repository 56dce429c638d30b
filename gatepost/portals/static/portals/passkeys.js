// Passkeys: asks the browser for one where the page offers it, and posts what it answers. Needs nothing but WebAuthn.
"use strict";
(() => {
  const forms = [...document.querySelectorAll("form[data-passkey]")].filter((form) => form.dataset.origin === location.origin);
  if (!forms.length || !globalThis.PublicKeyCredential || !navigator.credentials) return;
  const STALE_MS = 50 * 60 * 1000; // what the page holds to be signed is good for an hour
  const born = Date.now();
  let waiting; // the request behind the autofill of the email field, given up when another begins

  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const withIds = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const optionsOf = (form) => {
    const options = JSON.parse(form.dataset.options);
    options.challenge = bytes(options.challenge);
    if (options.user) options.user.id = bytes(options.user.id);
    options.excludeCredentials = withIds(options.excludeCredentials);
    options.allowCredentials = withIds(options.allowCredentials);
    return options;
  };

  const answerOf = (credential) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    return JSON.stringify({
      id: credential.id, rawId: text(credential.rawId), type: credential.type, response, clientExtensionResults: {},
    });
  };

  const say = (form, what) => {
    for (const line of form.querySelectorAll("[data-said]")) line.hidden = line.dataset.said !== what;
  };
  const said = { NotAllowedError: "cancelled", AbortError: "", InvalidStateError: "standing" };

  const ask = async (form, more) => {
    waiting?.abort();
    waiting = new AbortController();
    const wanted = { publicKey: optionsOf(form), signal: waiting.signal, ...more };
    try {
      const make = form.dataset.passkey === "add";
      const credential = await (make ? navigator.credentials.create(wanted) : navigator.credentials.get(wanted));
      form.elements.answer.value = answerOf(credential);
      form.submit();
    } catch (error) {
      if (!more?.mediation) say(form, said[error.name] ?? "failed");
    }
  };

  const autofill = async (form) => {
    if (form.dataset.passkey !== "sign-in" || !PublicKeyCredential.isConditionalMediationAvailable) return;
    if (await PublicKeyCredential.isConditionalMediationAvailable()) ask(form, { mediation: "conditional" });
  };

  for (const line of document.querySelectorAll("[data-without-passkeys]")) line.hidden = true;
  for (const form of forms) {
    form.hidden = false;
    const sheet = form.closest("[data-passkey-sheet]");
    if (sheet) sheet.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      say(form, "");
      if (Date.now() - born > STALE_MS) location.reload();
      else ask(form);
    });
    autofill(form);
  }
  // A page that comes back from the browser's memory holds what was answered before.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
})();
