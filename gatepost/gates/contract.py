"""What a reader may send, and what it hears back: `POST /v1/taps`.

A batch that is no batch is refused as a whole; a line that is no tap is kept with its reason and answered, because
a reader that gets no answer sends the same line for ever.
"""

import uuid
from datetime import datetime
from typing import Any, Literal

import msgspec

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
    queue: int = 0


class LooseBatch(msgspec.Struct):
    """A request body in which some lines are not."""

    sent_at: datetime
    taps: list[Any]
    queue: int = 0


class BadLine(msgspec.Struct):
    """A line that is no tap: what could be saved of it, and the words that go back to the reader."""

    nonce: uuid.UUID
    shown_nonce: Any
    text: str


class Refusal(Exception):
    """The whole request is refused; becomes an RFC 9457 problem document."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail


_strict = msgspec.json.Decoder(Batch)
_loose = msgspec.json.Decoder(LooseBatch)


def read(body: bytes, reader_id: uuid.UUID) -> tuple[datetime, int, list[TapLine | BadLine]]:
    """`sent_at`, `queue` and the lines of a request body.

    Raises `Refusal`: 400 if the body is not JSON, 422 if it is not a batch or holds more than `TAPS_MAX` lines.
    """
    lines: list[TapLine | BadLine]
    try:
        batch = _strict.decode(body)
        lines = list(batch.taps)
        sent_at, queue = batch.sent_at, batch.queue
    except msgspec.ValidationError:
        sent_at, queue, lines = _read_loosely(body, reader_id)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, "Not JSON", "The body must be a JSON object as described at /v1/openapi.json.") from error
    if sent_at.tzinfo is None:
        raise Refusal(422, "Time without a zone", "sent_at must carry an offset, such as 2026-09-01T07:31:05+08:00.")
    if queue < 0 or queue > 2**31 - 1:
        raise Refusal(422, "Not a count", "queue is the number of taps the reader still holds: 0 or more.")
    if len(lines) > TAPS_MAX:
        raise Refusal(422, "Too many taps", f"At most {TAPS_MAX} taps a request; this one holds {len(lines)}.")
    return sent_at, queue, lines


def _read_loosely(body: bytes, reader_id: uuid.UUID) -> tuple[datetime, int, list[TapLine | BadLine]]:
    try:
        batch = _loose.decode(body)
    except msgspec.ValidationError as error:
        raise Refusal(422, "Not a batch of taps", str(error)) from error
    if len(batch.taps) > TAPS_MAX:
        raise Refusal(422, "Too many taps", f"At most {TAPS_MAX} taps a request; this one holds {len(batch.taps)}.")
    return batch.sent_at, batch.queue, [_line(raw, reader_id) for raw in batch.taps]


def _line(raw: Any, reader_id: uuid.UUID) -> TapLine | BadLine:
    try:
        return msgspec.convert(raw, TapLine)
    except (msgspec.ValidationError, RecursionError):
        pass
    text = msgspec.json.encode(raw).decode()
    shown = raw.get("nonce") if isinstance(raw, dict) else None
    try:
        nonce = uuid.UUID(shown) if isinstance(shown, str) else None
    except ValueError:
        nonce = None
    # Without a nonce of its own the line is named by what it says, so that sending it again still changes nothing.
    return BadLine(nonce=nonce or uuid.uuid5(reader_id, text), shown_nonce=shown, text=text)
