"""The bar of a page: which entries stand in it at which width, and which lie behind “More”.

The pages work without JavaScript, so nothing measures the bar when it is drawn. How wide a word comes out is estimated
here, from the letters it has; if that is wrong the bar takes a second line, and never has to be pushed sideways.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Room for entries, in em of 17 px, beside "More" (a width from which the styles know a bar: `gatepost.css`).
WIDTHS = {"": 15.5, "mid": 46.0, "wide": 61.0}  # 360 px, 52 rem, 68 rem
BEHIND_MORE = "never"
MORE_EM = 4.7
OFTEN_MOST = 4  # as many stand in the bar of a phone
PADDING_EM, COUNT_EM, LETTER_EM = 0.95, 1.8, 0.55


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `often`: it may stand in the bar of a phone. `count`: a figure behind it, if not 0."""

    label: str
    url: str
    current: bool = False
    count: int = 0
    often: bool = False

    @property
    def em(self) -> float:
        """About how wide it is drawn."""
        letters = sum(1.0 if unicodedata.east_asian_width(one) in "WF" else LETTER_EM for one in self.label)
        return letters + PADDING_EM + (COUNT_EM if self.count else 0.0)


@dataclass(frozen=True, slots=True)
class Bar:
    """Entries in their order, each with the width from which it stands in the bar (`BEHIND_MORE`: at none).

    `until`: from this width on nothing is left behind "More", which then goes. `now`: the same of the current entry.
    """

    entries: tuple[tuple[Entry, str], ...]
    until: str
    now: str

    @property
    def shown(self) -> list[tuple[Entry, str]]:
        """What stands in the bar at some width."""
        return [(entry, since) for entry, since in self.entries if since != BEHIND_MORE]

    @property
    def folded(self) -> list[tuple[Entry, str]]:
        """What lies behind "More" at some width."""
        return [(entry, since) for entry, since in self.entries if since]


def arranged(entries: Sequence[Entry]) -> Bar:
    """The bar of these entries. On a phone those used often, as far as they fit; then one after the other."""
    often = [entry for entry in entries if entry.often] or list(entries)
    since: dict[int, str] = {}
    for width, room in WIDTHS.items():
        taken = [entry for entry in entries if id(entry) in since]
        asked = often[:OFTEN_MOST] if not width else [entry for entry in entries if id(entry) not in since]
        whole = sum(entry.em for entry in entries) <= room + MORE_EM  # then there is no "More" that needs room
        for entry in asked if whole and width else _fitting(asked, room - sum(entry.em for entry in taken)):
            since[id(entry)] = width
    placed = tuple((entry, since.get(id(entry), BEHIND_MORE)) for entry in entries)
    until = max((width for _entry, width in placed), key=[*WIDTHS, BEHIND_MORE].index, default="")
    return Bar(placed, until=until, now=next((width for entry, width in placed if entry.current), ""))


def _fitting(entries: Sequence[Entry], room: float) -> Iterator[Entry]:
    """Those that fit into what the ones before them leave; a long word does not keep a short one out."""
    for entry in entries:
        if entry.em <= room:
            room -= entry.em
            yield entry
