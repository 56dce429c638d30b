"""The mark, the style and the one small script of the mail catcher's pages, inline: it serves no files."""

MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">'
    '<g fill="#0a6b4b"><rect x="6" y="9" width="7" height="19" rx="2"/>'
    '<rect x="4.5" y="5" width="10" height="5" rx="1.6"/></g>'
    '<path fill="none" stroke="#0a6b4b" stroke-width="2.6" stroke-linecap="round"'
    ' d="M19 12a7 7 0 0 1 0 10M23 8.5a12 12 0 0 1 0 17"/></svg>'
)

STYLE = """
:root { color-scheme: light dark;
  --paper: light-dark(#fbfaf6, #14161a); --card: light-dark(#ffffff, #1b1e23); --ink: light-dark(#1d2126, #e9e6df);
  --quiet: light-dark(#5d646d, #a0a6ae); --line: light-dark(#e3dfd4, #2b2f36); --accent: light-dark(#0a6b4b, #5cc79b);
  --red: light-dark(#b3261e, #f2857d); --focus: light-dark(#1a5fb4, #8ab4f8) }
* { box-sizing: border-box; margin: 0 }
[hidden] { display: none !important }
body { background: var(--paper); color: var(--ink); -webkit-text-size-adjust: 100%; overflow-wrap: anywhere;
  font: 17px/1.65 "PingFang TC", "Noto Sans TC", "Noto Sans CJK TC", "Microsoft JhengHei", system-ui, sans-serif }
a { color: var(--accent); text-underline-offset: 3px }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 6px }
header.top { display: flex; align-items: center; justify-content: space-between; padding: 4px 16px;
  border-bottom: 1px solid var(--line) }
header.top a { display: flex; align-items: center; gap: 8px; min-height: 48px; color: inherit; text-decoration: none }
header.top span { color: var(--quiet); font-size: 14px }
header.top g { fill: var(--accent) } header.top path { stroke: var(--accent) }
main { max-width: 760px; margin: 0 auto; padding: 24px 16px 48px; display: grid; gap: 16px }
main > * { min-width: 0 }
h1 { font-size: 26px; line-height: 1.35 } h2 { font-size: 20px; margin-top: 8px }
[lang=en] { color: var(--quiet); font-size: 14px; font-weight: 400 }
a [lang=en] { color: inherit }
.quiet { color: var(--quiet) } .num { font-variant-numeric: tabular-nums }
code { font: 15px/1.6 ui-monospace, "Cascadia Mono", Menlo, monospace }
.find label { font-weight: 600; display: block; margin-bottom: 4px }
.find div { display: flex; gap: 8px }
input { flex: 1; min-width: 0; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--quiet);
  border-radius: 10px; padding: 8px 12px; min-height: 48px }
button { font: inherit; font-weight: 600; min-height: 48px; padding: 8px 20px; border-radius: 10px; cursor: pointer;
  border: 1px solid var(--accent); background: var(--accent); color: var(--paper) }
button.danger { border-color: var(--red); background: none; color: var(--red); margin-top: 12px }
.list, .empty, .about details { background: var(--card); border: 1px solid var(--line); border-radius: 14px }
.list { list-style: none; padding: 0; overflow: hidden }
.list li + li { border-top: 1px solid var(--line) }
.list a { display: block; padding: 12px 16px; color: inherit; text-decoration: none }
.list a:hover b { text-decoration: underline; text-underline-offset: 3px }
.list a:focus-visible { outline-offset: -3px; border-radius: 12px }
.list b { font-weight: 600; display: block }
.meta { display: flex; justify-content: space-between; gap: 16px; color: var(--quiet); font-size: 14px }
.meta .num { white-space: nowrap }
.news { display: block; text-align: center; padding: 10px 16px; border: 1px solid var(--accent); border-radius: 10px;
  font-weight: 600 }
[role=status]:not(:has(:not([hidden]))) { margin-top: -16px }
.empty { padding: 32px 16px; text-align: center } .empty p + p { margin-top: 8px }
.pager { display: grid; grid-template-columns: 1fr auto 1fr; align-items: center; gap: 12px; color: var(--quiet) }
.pager > :last-child { justify-self: end }
.pager a, .back a { display: inline-flex; align-items: center; gap: 6px; min-height: 44px }
.about { display: grid; gap: 12px; margin-top: 16px }
details { padding: 4px 16px } details[open] { padding-bottom: 16px }
main > details { padding-left: 0; padding-right: 0 }
summary { cursor: pointer; min-height: 44px; padding: 8px 0; font-weight: 600 }
.facts { display: grid; gap: 8px } p + .facts { margin-top: 12px }
.facts dt, .headers dt { color: var(--quiet); font-size: 14px }
.headers { font-size: 15px; display: grid; gap: 8px }
.mail { width: 100%; height: 380px; resize: vertical; border: 1px solid var(--line); border-radius: 14px;
  background: var(--card) }
.text { white-space: pre-wrap; font: inherit; background: var(--card); border: 1px solid var(--line);
  border-radius: 14px; padding: 16px }
@media (min-width: 620px) {
  .facts > div, .headers > div { display: grid; grid-template-columns: 150px 1fr; gap: 16px; align-items: baseline } }
"""

SCRIPT = """
(() => {
  const news = document.getElementById("news");
  if (!news) return;
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(news.dataset.count);
      const { count } = await answer.json();
      if (count) { news.textContent = `有 ${count.toLocaleString()} 封新信，按這裡看`; news.hidden = false }
    } catch { /* the catcher is being restarted */ }
  }, 3000);
})();
"""
