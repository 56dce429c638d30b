"""What a reader may send, and what it hears back: `POST /v1/taps`.

A batch that is no batch is refused as a whole; a line that is no tap is kept with its reason and answered, because
a reader that gets no answer sends the same line for ever.
"""

import uuid
from datetime import UTC, datetime
from typing import Any, Literal, cast

import msgspec

from gatepost.gates.answers import Refusal

TAPS_MAX = 1_000
BODY_BYTES_MAX = 512 * 1024
CARD_CHARACTERS_MAX = 64


class TapLine(msgspec.Struct, gc=False):
    """One tap as a reader tells it."""

    nonce: uuid.UUID
    card: str
    read_at: datetime
    direction: Literal["in", "out"] | None = None


class Batch(msgspec.Struct):
    """A request body in which every line is a tap."""

    sent_at: datetime
    taps: list[TapLine]
    queue: int | float = 0  # JSON knows one kind of number: 3.0 is a count, too


class LooseBatch(msgspec.Struct):
    """A request body in which some lines are not."""

    sent_at: datetime
    taps: list[msgspec.Raw]
    queue: int | float = 0  # JSON knows one kind of number: 3.0 is a count, too


FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  # what a column can hold


class BadLine(msgspec.Struct):
    """A line that is no tap: what could be saved of it, and the words that go back to the reader."""

    nonce: uuid.UUID
    shown_nonce: str | None
    text: str


Line = TapLine | BadLine

_strict = msgspec.json.Decoder(Batch)
_loose = msgspec.json.Decoder(LooseBatch)
_tap = msgspec.json.Decoder(TapLine)
_anything = msgspec.json.Decoder()
# What the decoder raises for bytes that are no JSON, or JSON of a thousand brackets within each other.
_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read(body: bytes, reader_id: uuid.UUID) -> tuple[datetime, int, list[Line]]:
    """`sent_at` (in UTC), `queue` and the lines of a request body.

    Raises `Refusal`: 400 if the body is not JSON, 422 if it is not a batch or holds more than `TAPS_MAX` lines.
    """
    lines: list[Line]
    try:
        sent_at, queue, lines = _read(body, reader_id)
    except msgspec.ValidationError as error:
        raise Refusal(422, "Not a batch of taps", str(error)) from error
    except _NO_JSON as error:
        raise Refusal(400, "Not JSON", "The body must be a JSON object as described at /v1/openapi.json.") from error
    if not 0 <= queue <= 2**31 - 1 or queue != int(queue):
        raise Refusal(422, "Not a count", "queue is the number of taps the reader still holds: 0 or more.")
    return _in_utc(sent_at), int(queue), lines


def _read(body: bytes, reader_id: uuid.UUID) -> tuple[datetime, int | float, list[Line]]:
    try:
        batch = _strict.decode(body)
    except msgspec.ValidationError:  # as soon as it meets a wrong line; what follows may be anything
        loose = _loose.decode(body)
        _bound(len(loose.taps))
        return loose.sent_at, loose.queue, [_line(raw, reader_id) for raw in loose.taps]
    _bound(len(batch.taps))
    return batch.sent_at, batch.queue, cast("list[Line]", batch.taps)


def _bound(count: int) -> None:
    if count > TAPS_MAX:
        raise Refusal(422, "Too many taps", f"At most {TAPS_MAX} taps a request; this one holds {count}.")


def _in_utc(sent_at: datetime) -> datetime:
    if sent_at.tzinfo is None:
        raise Refusal(422, "Time without a zone", "sent_at must carry an offset, such as 2026-09-01T07:31:05+08:00.")
    try:
        return sent_at.astimezone(UTC)
    except OverflowError:  # a dead clock says the first or the last hours there are; how far off it is then is all one
        return FIRST if sent_at.year == 1 else LAST


def _line(raw: msgspec.Raw, reader_id: uuid.UUID) -> Line:
    try:
        return _tap.decode(raw)
    except _NO_JSON:
        pass
    said, text = _said(raw)
    shown = said.get("nonce") if isinstance(said, dict) else None
    shown = shown if isinstance(shown, str) else None
    try:
        nonce = uuid.UUID(shown) if shown else None
    except ValueError:
        nonce = None
    # Without a nonce of its own the line is named by what it says, so that sending it again still changes nothing.
    return BadLine(nonce=nonce or uuid.uuid5(reader_id, text), shown_nonce=shown, text=text)


def _said(raw: msgspec.Raw) -> tuple[Any, str]:
    """What a line says, and its text in one form however it was spaced; the bytes as they came if it says nothing."""
    try:
        said = _anything.decode(raw)
        return said, msgspec.json.encode(said).decode()
    except _NO_JSON:
        return None, bytes(raw).decode("utf-8", "replace")
