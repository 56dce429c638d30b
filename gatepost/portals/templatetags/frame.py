"""The parts of a page that are the same for everybody: drawn once for each language or name, not with every request."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from django.template import Library
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from gatepost.portals.navigation import Entry, arranged

register = Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """One icon of icons.svg beside its word, as components/icon.html draws it."""
    return _icon(str(name))


@register.simple_tag
def asset(path: str) -> str:
    """The address of a static file."""
    return _address(path)


@register.simple_tag
def address(name: str) -> str:
    """The address of a page that is one for everybody."""
    return _page_address(name)


@register.simple_tag
def head_links() -> SafeString:
    """The files that every page brings along."""
    return _head_links()


@register.simple_tag
def language_buttons() -> SafeString:
    """The buttons of the form that changes the language."""
    return _buttons(get_language() or "")


@register.simple_tag
def navigation(entries: Iterable[Entry]) -> SafeString:
    """The navigation in the bar. What stands there is the same for everybody with the same roles on the same page."""
    return _navigation(tuple(entries), get_language() or "")


@register.simple_tag
def standing_links() -> SafeString:
    """The ways to the pages that stand at the foot of every page."""
    return _standing_links(get_language() or "")


@register.simple_tag
def announcement(item: Mapping[str, Any]) -> SafeString:
    """One row of a list of announcements. A whole city reads the same ones."""
    return _announcement(tuple((name, str(item[name])) for name in _SAID if item.get(name)), get_language() or "")


_SAID = ("date", "iso", "kind", "title", "url", "important")


@lru_cache(maxsize=1024)
def _announcement(item: tuple[tuple[str, str], ...], _language: str) -> SafeString:
    return render_to_string("gatepost/components/announcement.html", {"item": dict(item)})


@register.simple_tag
def week_cell(day: Mapping[str, Any], side: str) -> SafeString:
    """One cell of a week: `side` is "arrived" or "left". What stands there, minutes of a day, many children share."""
    return _week_cell(side, str(day["word"]), day[side], day["today"], day["off"], get_language() or "")


@lru_cache(maxsize=4096)
def _week_cell(side: str, word: str, time: str, today: bool, off: bool, _language: str) -> SafeString:
    drawn = {"side": side, "word": word, "time": time, "today": today, "off": off}
    return render_to_string("gatepost/components/week_cell.html", drawn)


@lru_cache(maxsize=64)
def _icon(name: str) -> SafeString:
    return render_to_string("gatepost/components/icon.html", {"name": name})


@lru_cache(maxsize=64)
def _address(path: str) -> str:
    return static(path)


@lru_cache(maxsize=64)
def _page_address(name: str) -> str:
    return reverse(name)


@lru_cache(maxsize=1)
def _head_links() -> SafeString:
    return render_to_string("gatepost/components/head_links.html")


@lru_cache(maxsize=1024)
def _navigation(entries: tuple[Entry, ...], _language: str) -> SafeString:
    return render_to_string("gatepost/components/navigation.html", {"bar": arranged(entries)})


@lru_cache(maxsize=16)
def _standing_links(_language: str) -> SafeString:
    return render_to_string("gatepost/components/standing_links.html")


@lru_cache(maxsize=16)
def _buttons(language: str) -> SafeString:
    return render_to_string("gatepost/components/language_buttons.html", {"LANGUAGE_CODE": language})
