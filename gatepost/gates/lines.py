"""What is kept of a line that a reader sent: always a row, with a reason if attendance cannot use it."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from uuid import UUID

import msgspec

from gatepost.cards.numbers import CardNumberError, CardRule, canonical
from gatepost.gates.contract import CARD_CHARACTERS_MAX, BadLine, Line

# A reader may have been without a network over a holiday; what is older is kept, but is news to nobody.
OLDEST = timedelta(days=35)
# The clock of a good reader may run a little ahead of ours.
NEWEST = timedelta(minutes=2)
# Less than this is the journey through the network, not a wrong clock.
SKEW_THAT_MATTERS = timedelta(minutes=2)
_DAY = timedelta(days=1)


class Row(msgspec.Struct, gc=False):
    """A tap as the table holds it, apart from what it shares with the others of its request."""

    nonce: UUID
    card: str
    uid: str
    read_at: datetime | None
    tapped_at: datetime
    month: date
    direction: str | None
    reason: str


def rows(lines: Iterable[Line], rule: CardRule, *, skew: timedelta, received_at: datetime) -> list[Row]:
    """What is kept of the lines of a reader whose clock is `skew` ahead of ours and whose numbers follow `rule`."""
    oldest, newest = received_at - OLDEST, received_at + NEWEST
    is_right, is_days_off = abs(skew) <= SKEW_THAT_MATTERS, abs(skew) >= _DAY
    kept: list[Row] = []
    for line in lines:
        if isinstance(line, BadLine):
            month = _month(received_at.year, received_at.month)
            kept.append(Row(line.nonce, _storable(line.text), "", None, received_at, month, None, "bad_line"))
            continue
        uid, reason = _number(line.card, rule)
        card = line.card if line.card == uid else _storable(line.card)
        read_at = _in_utc(line.read_at)
        tapped_at = read_at if is_right else _put_right(read_at, skew)
        if read_at is None or tapped_at is None or not oldest <= tapped_at <= newest:
            reason = reason or "time_out_of_range"
            dated = tapped_at = received_at
        else:
            # By the reader's own time where that is any use: a repeat must fall where the first one fell.
            dated = tapped_at if is_days_off else read_at
        month = _month(dated.year, dated.month)
        kept.append(Row(line.nonce, card, uid, read_at, tapped_at, month, line.direction, reason))
    return kept


def _number(card: str, rule: CardRule) -> tuple[str, str]:
    try:
        return canonical(card, rule), ""
    except CardNumberError:
        return "", "bad_card"


def _in_utc(at: datetime) -> datetime | None:
    """None if the time has no zone or leaves the calendar."""
    try:
        return at.astimezone(UTC) if at.tzinfo else None
    except OverflowError:
        return None


def _put_right(read_at: datetime | None, skew: timedelta) -> datetime | None:
    """The reader's time by our clock."""
    try:
        return read_at - skew if read_at else None
    except OverflowError:
        return None


@lru_cache(maxsize=64)
def _month(year: int, month: int) -> date:
    return date(year, month, 1)


def _storable(text: str) -> str:
    """`text` without what PostgreSQL cannot hold, and no longer than a card number can be."""
    if len(text) <= CARD_CHARACTERS_MAX and text.isprintable():
        return text
    return text[:CARD_CHARACTERS_MAX].replace("\0", "\ufffd").encode("utf-8", "replace").decode()
