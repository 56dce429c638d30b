// Starts the human check: its worker is a file of ours, and its words are the page's.
(() => {
  const widget = document.querySelector("altcha-widget");
  if (!widget || !globalThis.$altcha) return;
  const says = widget.dataset;
  $altcha.algorithms.set("PBKDF2/SHA-256", () => new Worker(says.worker));
  $altcha.i18n.set("here", {
    ariaLinkLabel: "ALTCHA", cancel: says.label, enterCode: "", enterCodeAria: "", enterCodeFromImage: "", getAudioChallenge: "",
    error: says.error, expired: says.expired, footer: "", label: says.label, loading: says.verifying, reload: says.label,
    verify: says.label, verificationRequired: says.label, verified: says.verified, verifying: says.verifying, waitAlert: says.wait,
  });
  widget.configure?.({ language: "here", hideFooter: true, hideLogo: true });
})();
