"""What is kept of a line that a reader sent: always a row, with a reason if attendance cannot use it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from gatepost.cards.numbers import CardNumberError, CardRule, canonical
from gatepost.gates.contract import CARD_CHARACTERS_MAX, BadLine, TapLine

# A reader may have been without a network over a holiday; what is older is kept, but is news to nobody.
OLDEST = timedelta(days=35)
# The clock of a good reader may run a little ahead of ours.
NEWEST = timedelta(minutes=2)
# Less than this is the journey through the network, not a wrong clock.
SKEW_THAT_MATTERS = timedelta(minutes=2)
_DAY = timedelta(days=1)


@dataclass(slots=True)
class Row:
    """A tap as the table holds it, apart from what it shares with the others of its request."""

    nonce: UUID
    card: str
    uid: str
    read_at: datetime | None
    tapped_at: datetime
    month: date
    direction: str | None
    reason: str


def row(line: TapLine | BadLine, rule: CardRule, *, skew: timedelta, received_at: datetime) -> Row:
    """What is kept of one line of a reader whose clock is `skew` ahead of ours and whose numbers follow `rule`."""
    if isinstance(line, BadLine):
        return Row(line.nonce, _storable(line.text), "", None, received_at, _month(received_at), None, "bad_line")
    uid, reason = _number(line.card, rule)
    card = _storable(line.card)
    read_at = _in_utc(line.read_at)
    tapped_at = _put_right(read_at, skew)
    if read_at is None or tapped_at is None or not received_at - OLDEST <= tapped_at <= received_at + NEWEST:
        reason = reason or "time_out_of_range"
        return Row(line.nonce, card, uid, read_at, received_at, _month(received_at), line.direction, reason)
    # The month follows the reader's own time where that is any use: a repeat must fall where the first one fell.
    month = _month(read_at if abs(skew) < _DAY else tapped_at)
    return Row(line.nonce, card, uid, read_at, tapped_at, month, line.direction, reason)


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
    if read_at is None or abs(skew) <= SKEW_THAT_MATTERS:
        return read_at
    try:
        return read_at - skew
    except OverflowError:
        return None


def _month(at: datetime) -> date:
    return date(at.year, at.month, 1)


def _storable(text: str) -> str:
    """`text` without what PostgreSQL cannot hold, and no longer than a card number can be."""
    if len(text) <= CARD_CHARACTERS_MAX and text.isprintable():
        return text
    return text[:CARD_CHARACTERS_MAX].replace("\0", "\ufffd").encode("utf-8", "replace").decode()
