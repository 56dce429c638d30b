"""SMPP 3.4 (SMS Forum, 12-Oct-1999): one bound connection, a window of unanswered messages, receipts on the way back.

The bytes are smpplib's; what is sent when, and what an answer means, is here.
"""

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from secrets import randbelow
from typing import Any

from smpplib import consts

from gatepost.channels.errors import ChannelError
from gatepost.channels.sms import segments
from gatepost.channels.sms.gateway import BEGIN_SECONDS, END_SECONDS, Outcome, OutgoingSms, Receipt, Take
from gatepost.channels.sms.numbers import international
from gatepost.channels.sms.smpp_link import Link, Part, SmppSettings, Trouble

log = logging.getLogger(__name__)

RECEIPTS_AT_ONCE = 1_000
UNTAKEN_MOST = 10_000

THROTTLED = {0x58: timedelta(seconds=10), 0x14: timedelta(seconds=30)}  # ESME_RTHROTTLED, ESME_RMSGQFUL
BAD_NUMBER = {0x0B, 0x49, 0x4A}  # ESME_RINVDSTADR and what is said of its TON and NPI
MESSAGE_TYPE = 0x3C  # the bits of esm_class that are set in a receipt, 5.2.12
TAKE_LATER = 0x64  # ESME_RX_T_APPN: we could not keep the receipt, say it again

_FIELD = re.compile(rb"(id|stat|err):([^ ]*)", re.IGNORECASE)  # appendix B of the specification
DELIVERED, FAILED = b"DELIVRD", {b"UNDELIV", b"REJECTD", b"EXPIRED", b"DELETED"}
STATES = {2: b"DELIVRD", 3: b"EXPIRED", 4: b"DELETED", 5: b"UNDELIV", 8: b"REJECTD"}  # message_state, 5.2.28


class SmppGateway:
    """Binds as a transceiver when there is something to do, and stays bound."""

    def __init__(
        self, settings: SmppSettings, *, begin_seconds: float = BEGIN_SECONDS, end_seconds: float = END_SECONDS
    ) -> None:
        self._settings = settings
        self._begin_seconds, self._end_seconds = begin_seconds, end_seconds
        self._turn = threading.Lock()
        self._link: Link | None = None
        self._down_until = 0.0
        self._untaken: deque[_Untaken] = deque()

    @property
    def is_down(self) -> bool:
        """Whether the carrier did not answer, or asked for a pause, a moment ago."""
        return time.monotonic() < self._down_until

    def send_many(self, messages: Sequence[OutgoingSms]) -> list[Outcome]:
        """As `Gateway` says. What was not answered before the connection broke is tried again by the caller."""
        with self._turn:
            batch = _Batch(messages, long=self._settings.long)
            try:
                self._submit(batch)
            except Trouble as trouble:
                self._lost(trouble)
                batch.give_up(trouble)
            return batch.outcomes()

    def collect(self, waiting: Sequence[str], take: Take) -> int:
        """As `Gateway` says. The carrier tells by itself: `waiting` is not asked for."""
        with self._turn:
            if self.is_down:
                return 0
            try:
                link = self._bound()
                for _ in range(RECEIPTS_AT_ONCE):
                    if not link.readable(0.0):
                        break
                    self._hear(link.read())
                link.keep_alive()
                return self._take_all(link, take)
            except Trouble as trouble:
                self._lost(trouble)
                raise

    def close(self) -> None:
        """Unbind."""
        with self._turn:
            if self._link is not None:
                self._link.unbind()
            self._link = None
            self._untaken.clear()

    def _bound(self) -> Link:
        if self._link is None:
            self._link = Link(self._settings)
            self._untaken.clear()  # of the connection before, which will be told again
        return self._link

    def _lost(self, trouble: Trouble) -> None:
        log.warning("smpp connection lost because=%s", trouble)
        self._pause(timedelta(seconds=self._settings.pause_seconds))
        if self._link is not None:
            self._link.drop()
        self._link = None

    def _pause(self, wait: timedelta) -> None:
        self._down_until = time.monotonic() + wait.total_seconds()

    def _submit(self, batch: "_Batch") -> None:
        if self.is_down:
            raise Trouble("The carrier did not answer a moment ago.", permanent=False)
        began = time.monotonic()
        link = self._bound()
        while batch.waiting or batch.unanswered:
            may_begin = time.monotonic() - began < self._begin_seconds and not self.is_down
            while may_begin and batch.waiting and len(batch.unanswered) < self._settings.window:
                submission = batch.waiting.popleft()
                if not submission.message.error:
                    batch.unanswered[link.submit(submission.part)] = submission
            if not batch.unanswered:
                if may_begin:
                    continue
                return
            if not link.readable(min(self._settings.answer_seconds, began + self._end_seconds - time.monotonic())):
                raise Trouble("The carrier does not answer.", permanent=False)
            pdu = self._hear(link.read())
            if pdu is not None:
                self._answered(batch, pdu)

    def _answered(self, batch: "_Batch", pdu: Any) -> None:
        submission = batch.unanswered.pop(pdu.sequence, None)
        if submission is None:
            return
        if pdu.status == consts.SMPP_ESME_ROK:
            submission.message.references.append(_text(pdu.message_id))
            return
        wait = THROTTLED.get(pdu.status)
        if wait:
            self._pause(wait)
        submission.message.error = ChannelError(
            f"The carrier says {pdu.status:#x}.", permanent=pdu.status in BAD_NUMBER, retry_after=wait
        )

    def _hear(self, pdu: Any) -> Any | None:
        """Answer what the carrier asks and put receipts aside. Returns an answer to a message of ours, if it is one."""
        link = self._link
        assert link is not None  # noqa: S101 - only called while bound
        match pdu.command:
            case "submit_sm_resp" | "generic_nack":
                return pdu
            case "deliver_sm" if len(self._untaken) >= UNTAKEN_MOST:
                link.answer(pdu, "deliver_sm_resp", status=TAKE_LATER)
            case "deliver_sm":
                self._untaken.append(_Untaken(pdu, read_receipt(pdu)))
            case "enquire_link":
                link.answer(pdu, "enquire_link_resp")
            case "unbind":
                link.answer(pdu, "unbind_resp")
                raise Trouble("The carrier took leave.", permanent=False)
        return None

    def _take_all(self, link: Link, take: Take) -> int:
        taken = 0
        while self._untaken:
            one = self._untaken.popleft()
            if one.receipt is not None:
                try:
                    take(one.receipt)
                except Exception:
                    link.answer(one.pdu, "deliver_sm_resp", status=TAKE_LATER)
                    raise
                taken += 1
            link.answer(one.pdu, "deliver_sm_resp")
        return taken


@dataclass(frozen=True, slots=True)
class _Untaken:
    """A deliver_sm that waits for its answer. Without a receipt it is a message somebody sent us: nobody reads it."""

    pdu: Any
    receipt: Receipt | None


def read_receipt(pdu: Any) -> Receipt | None:
    """What a deliver_sm says of a message of ours; None if it is something else."""
    text = bytes(pdu.short_message or b"") or bytes(getattr(pdu, "message_payload", None) or b"")
    said = {name.lower(): value for name, value in _FIELD.findall(text)}
    named = _text(getattr(pdu, "receipted_message_id", None)) or said.get(b"id", b"").decode("ascii", "replace")
    if not named or not (pdu.esm_class or 0) & MESSAGE_TYPE:
        return None
    state = said.get(b"stat", b"").upper() or STATES.get(getattr(pdu, "message_state", None) or 0, b"")
    return Receipt(
        reference=named,
        delivered=True if state == DELIVERED else False if state in FAILED else None,
        said=b" ".join(state for state in (state, said.get(b"err", b"")) if state).decode("ascii", "replace")[:60],
    )


@dataclass(slots=True)
class _Message:
    parts: int = 0
    references: list[str] = field(default_factory=list)
    error: ChannelError | None = None


@dataclass(frozen=True, slots=True)
class _Submission:
    message: _Message
    part: Part


class _Batch:
    """The messages of one call in the parts they are sent in, and what became of each."""

    def __init__(self, messages: Sequence[OutgoingSms], *, long: str) -> None:
        self.waiting: deque[_Submission] = deque()
        self.unanswered: dict[int, _Submission] = {}
        self._messages = [_Message() for _ in messages]
        for message, one in zip(self._messages, messages, strict=True):
            try:
                international(one.to)  # refused here, not under way
                parts = _parts(one.to, one.text, long=long)
            except ChannelError as error:
                message.error = error
            except ValueError:
                message.error = ChannelError("The text is too long.", permanent=False)
            else:
                message.parts = len(parts)
                self.waiting.extend(_Submission(message, part) for part in parts)

    def give_up(self, trouble: Trouble) -> None:
        """What has no answer was not sent, for all we know."""
        for message in self._messages:
            if message.error is None and len(message.references) < message.parts:
                message.error = trouble

    def outcomes(self) -> list[Outcome]:
        """In the order of the messages. What was begun too late was not tried."""
        untried = ChannelError("This message was not tried.", permanent=False, retry_after=timedelta(0))
        return [
            Outcome(one.error or (untried if len(one.references) < one.parts else None), tuple(one.references))
            for one in self._messages
        ]


def _parts(to: str, text: str, *, long: str) -> list[Part]:
    pieces = segments.parts(text)
    coding = consts.SMPP_ENCODING_DEFAULT if segments.count(text).is_gsm else consts.SMPP_ENCODING_ISO10646
    if len(pieces) == 1:
        return [Part(to, pieces[0], coding)]
    if long == "payload":
        return [Part(to, b"", coding, payload=b"".join(pieces))]
    head = bytes([0x05, 0x00, 0x03, randbelow(256), len(pieces)])  # TS 23.040, 9.2.3.24.1
    return [
        Part(to, head + bytes([number]) + piece, coding, has_header=True)
        for number, piece in enumerate(pieces, start=1)
    ]


def _text(octets: object) -> str:
    return octets.rstrip(b"\0").decode("ascii", "replace") if isinstance(octets, bytes) else str(octets or "")
