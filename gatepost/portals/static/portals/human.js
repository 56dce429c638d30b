// Starts the human check: its worker is a file of ours, and its words are the page's.
(() => {
  const widget = document.querySelector("altcha-widget");
  if (!widget || !globalThis.$altcha) return;
  const says = widget.dataset;
  $altcha.algorithms.set("PBKDF2/SHA-256", () => new Worker(says.worker));
  $altcha.i18n.set("here", {
    ariaLinkLabel: "ALTCHA", cancel: says.says, enterCode: "", enterCodeAria: "", enterCodeFromImage: "", getAudioChallenge: "",
    error: says.error, expired: says.expired, footer: "", label: says.says, loading: says.verifying, reload: says.says,
    verify: says.says, verificationRequired: says.says, verified: says.verified, verifying: says.verifying, waitAlert: says.wait,
  });
  widget.configure?.({ language: "here", hideFooter: true, hideLogo: true });
})();
