"""Somebody with a phone in one language who has nothing but a keyboard.

What the page shows is looked for by its role and by its name in that language, so a word that nobody translated stops
the walk. Each stop of the Tab key must be seen: on the screen, on top, and with a ring around it.
"""

import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from babel.messages.pofile import read_po
from django.utils import translation
from django.utils.translation import gettext, pgettext
from playwright.sync_api import Locator, Page, expect

from gatepost.up.catalogues import LOCALE
from tests.browser.conftest import check

PICTURES = os.environ.get("PICTURES_OF_WALKS", "")  # a folder: also take pictures
SCREEN = {"width": 360, "height": 740}
STOPS_MOST, LINES_MOST = 120, 20

# Where the focus is after a Tab: at what is wanted (or at a button of its group), before it or after it; and whether
# somebody who sees the screen sees that. A switch and a tick box may be ringed by way of their label.
STOP = """wanted => {
  const at = document.activeElement, said = at.outerHTML.slice(0, 160);
  if (at === document.body) return {place: "lost", said};
  const boxes = [...at.getClientRects()].map(one => ({
    left: Math.max(one.left, 0), right: Math.min(one.right, innerWidth),
    top: Math.max(one.top, 0), bottom: Math.min(one.bottom, innerHeight)
  })).filter(one => one.right - one.left > 2 && one.bottom - one.top > 2);
  const onTop = box => {
    const hit = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
    const mark = hit && hit.closest("svg");  // drawn over its box
    const sign = mark && mark.previousElementSibling;
    return hit && (at.contains(hit) || [...at.labels || []].includes(hit) || sign === at);
  };
  const style = getComputedStyle(at);
  const group = one => one.type === "radio" && one.name;
  const before = wanted.compareDocumentPosition(at) & Node.DOCUMENT_POSITION_FOLLOWING;
  return {
    said,
    seen: boxes.some(onTop),
    ringed: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    place: at === wanted ? "here" : group(at) && group(at) === group(wanted) && at.form === wanted.form ? "group"
      : before ? "after" : "before",
  };
}"""
# Every text that is on the page, without what says of itself that it is in another language.
WORDS = """() => {
  const found = [], own = document.documentElement.lang;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const near = walk.currentNode.parentElement, text = walk.currentNode.data.trim();
    const marked = near.closest("[lang]");
    if (!text || near.closest("script, style, template, noscript, textarea")) continue;
    if (!marked || marked.lang === own) found.push(text);
  }
  for (const one of document.querySelectorAll("[aria-label], [title], [placeholder], img[alt]"))
    for (const name of ["aria-label", "title", "placeholder", "alt"])
      if (one.getAttribute(name)) found.push(one.getAttribute(name).trim());
  return [document.title, ...found];
}"""
# What it says on the door of an office, after its name in the reader's language.
ON_THE_DOOR = re.compile(r"[(（][^()（）]*[)）]")
HAN = re.compile("[\u3400-\u9fff\uff01-\uff5e\u3001-\u301f]")


class Walker:
    """One person's way through the pages. `known`: words of the data, which stay as they are in every language."""

    def __init__(self, page: Page, language: str, *, known: Iterable[str], check_all: bool = True) -> None:
        self.page = page
        self._all, self._checked = check_all, set[tuple[str, int]]()
        self.language = language
        self._known = sorted(known, key=len, reverse=True)
        self._looked_at = 0
        self.troubles: list[str] = []  # what is not as it should be, page by page: all of it is told at the end

    def say(self, msgid: str, *, context: str = "", **values: Any) -> str:
        """`msgid` as this person reads it."""
        with translation.override(self.language):
            said = pgettext(context, msgid) if context else gettext(msgid)
        return (said % values if "%(" in said else said.format(**values)) if values else said

    def here(self, msgid: str, **values: Any) -> None:
        """The page with this heading has come, and is in order: language, axe, width and words."""
        self.named(self.say(msgid, **values))

    def named(self, heading: str) -> None:
        """The same, for a heading that is no text of ours."""
        expect(self.page.get_by_role("heading", level=1).first).to_have_text(heading)
        self.look()

    def look(self) -> None:
        """The page is in order, whatever it is called."""
        expect(self.page.locator("html")).to_have_attribute("lang", self.language)
        self._check()
        if foreign := [text for text in self.page.evaluate(WORDS) if self._is_foreign(text)]:
            self._note(f"foreign words: {foreign}")
        if PICTURES:
            self._looked_at += 1
            name = f"{self.language}-{self._looked_at:02}.png"
            self.page.screenshot(path=Path(PICTURES) / name, full_page=True)

    def follow(self, msgid: str, *, role: Any = "link", exact: bool = True, context: str = "", **values: Any) -> None:
        """A link or a button, by Enter; the next page is there."""
        self.press(self.by(msgid, role=role, exact=exact, context=context, **values))

    def press(self, what: Locator) -> None:
        """The same for what is in the hand already."""
        self.reach(what)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def unfold(self, what: Locator) -> None:
        """What lies behind a summary."""
        self.reach(what)
        self.page.keyboard.press("Enter")

    def choose(self, what: Locator) -> None:
        """A tick box, a switch, or one button of a group: Space, and the arrow keys within a group."""
        self.reach(what)
        for _line in range(LINES_MOST):
            if self._stop(what)["place"] == "here":
                break
            self.page.keyboard.press("ArrowDown")
        if what.get_attribute("type") == "checkbox" or not what.is_checked():
            self.page.keyboard.press("Space")

    def pick(self, what: Locator, line: str) -> None:
        """A line of a list, by the arrow key."""
        self.reach(what)
        shown = what.locator("option:checked")
        for _line in range(LINES_MOST):
            if shown.inner_text() == line:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{line} is not in the list")

    def write(self, msgid: str, text: str, *, enter: bool = False) -> None:
        """Into the field with this label, in place of what stands there."""
        self.reach(self.page.get_by_label(self.say(msgid), exact=True).first)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)
        if enter:
            with self.page.expect_navigation():
                self.page.keyboard.press("Enter")

    def by(self, msgid: str, *, role: Any, exact: bool = True, context: str = "", **values: Any) -> Locator:
        """What has this role and name; `exact`: no word more."""
        name = self.say(msgid, context=context, **values)
        return self.page.get_by_role(role, name=name if exact else re.compile("^" + re.escape(name))).first

    def reach(self, what: Locator) -> None:
        """Tab to it, or back to it with Shift; from the top of a page by way of “Skip to the main content”."""
        wanted = what.element_handle()
        if self.page.evaluate("document.activeElement === document.body"):
            self.page.keyboard.press("Tab")
            self._must_be_seen(self._stop(wanted))
            if wanted.evaluate("one => !!one.closest('main')"):
                self.page.keyboard.press("Enter")
        stop = self._stop(wanted)
        for _stop in range(STOPS_MOST):
            if stop["place"] in ("here", "group"):
                return
            self.page.keyboard.press("Shift+Tab" if stop["place"] == "after" else "Tab")
            stop = self._stop(wanted)
            self._must_be_seen(stop)
        raise AssertionError(f"{what} cannot be reached by keyboard")

    def _stop(self, wanted: Any) -> dict[str, Any]:
        handle = wanted.element_handle() if isinstance(wanted, Locator) else wanted
        found: dict[str, Any] = self.page.evaluate(STOP, handle)
        return found

    def _must_be_seen(self, stop: dict[str, Any]) -> None:
        assert stop["place"] != "lost", f"the focus is nowhere on {self.page.url}"
        if not stop["seen"]:
            self._note(f"the focus cannot be seen: {stop['said']}")
        if not stop["ringed"]:
            self._note(f"the focus has no ring: {stop['said']}")

    def _check(self) -> None:
        """With axe; unless all is asked for, once for a page as it is, and once with something wrong on it."""
        state = (urlsplit(self.page.url).path, self.page.locator(".errors").count())
        if state in self._checked and not self._all:
            return
        self._checked.add(state)
        try:
            check(self.page)
        except AssertionError as trouble:
            self._note(str(trouble))

    def _note(self, trouble: str) -> None:
        self.troubles.append(f"{self.page.url} in {self.language}: {trouble}")

    def _is_foreign(self, text: str) -> bool:
        for known in self._known:
            text = text.replace(known, "")
        if self.language != "zh-hant" and HAN.search(ON_THE_DOOR.sub("", text)):
            return True
        return text.strip() in only_english(self.language)


@cache
def only_english(language: str) -> frozenset[str]:
    """Texts that stand otherwise in `language`: whoever reads them there reads what nobody translated."""
    if language == "en":
        return frozenset()
    catalogue = LOCALE / translation.to_locale(language) / "LC_MESSAGES" / "django.po"
    with catalogue.open("rb") as source:
        kept = [(str(one.id), str(one.string)) for one in read_po(source) if one.id and isinstance(one.id, str)]
    same = {msgid for msgid, msgstr in kept if msgid == msgstr}
    return frozenset(msgid for msgid, msgstr in kept if msgstr and msgid not in same)
