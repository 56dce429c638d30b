"""Mitake's HTTP interface (三竹簡訊, document 2.14): up to 500 messages a request, and what became of them by query.

A request that nobody answered is no blind repeat when it is sent again: `clientid` is the same for every attempt, and
Mitake answers one that it knows, for twelve hours, with what it said the first time (`Duplicate=Y`).
"""

import http.client
import logging
import re
import ssl
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from gatepost.channels.errors import ChannelError
from gatepost.channels.sms.gateway import BEGIN_SECONDS, Outcome, OutgoingSms, Receipt, Take
from gatepost.channels.sms.numbers import domestic

log = logging.getLogger(__name__)

BULK_MOST = 500
QUERY_MOST = 100
CONNECTIONS_MOST = 15  # Mitake's limit for an account, over all processes; each of ours has one
ANSWER_BYTES_MAX = 200_000

ACCEPTED = {"0", "1", "2", "4"}
DELIVERED = {"4"}
UNDELIVERED = {"5", "6", "7", "8", "9"}
BAD_NUMBER = {"6", "v"}  # the number itself, for ever; 7 and 8 may be a telephone that is off
BUSY = {"a", "b", "l", "r", "*"}  # out of service for a moment, or too many connections

_KEY = re.compile(r"[0-9A-Za-z-]{1,36}")
_REFERENCE = re.compile(r"[0-9A-Za-z]{1,40}", re.ASCII)
_ONE_CONNECTION = threading.Lock()  # of this process, however many gateways it makes: each code by hand makes one


@dataclass(frozen=True, slots=True)
class MitakeSettings:
    """The account. `callback`: the address that receipts are brought to; empty: they are asked for."""

    username: str
    password: str = field(repr=False)
    url: str = "https://smsapi.mitake.com.tw"
    callback: str = ""
    answer_seconds: float = 20.0
    pause_seconds: float = 10.0


class MitakeGateway:
    """One request at a time in this process: an account may have 15, and other processes have theirs."""

    def __init__(self, settings: MitakeSettings, *, begin_seconds: float = BEGIN_SECONDS) -> None:
        self._settings = settings
        self._begin_seconds = begin_seconds
        self._down_until = 0.0

    @property
    def is_down(self) -> bool:
        """Whether it did not answer, or was busy, a moment ago."""
        return time.monotonic() < self._down_until

    def send_many(self, messages: Sequence[OutgoingSms]) -> list[Outcome]:
        """As `Gateway` says, 500 at a time."""
        began = time.monotonic()
        outcomes: list[Outcome] = []
        for first in range(0, len(messages), BULK_MOST):
            together = messages[first : first + BULK_MOST]
            if self.is_down or time.monotonic() - began > self._begin_seconds:
                outcomes += [_untried()] * len(together)
            else:
                outcomes += self._send(together)
        return outcomes

    def collect(self, waiting: Sequence[str], take: Take) -> int:
        """As `Gateway` says: asks for `waiting`, 100 at a time."""
        taken = 0
        for first in range(0, len(waiting), QUERY_MOST):
            if self.is_down:
                break
            answer = self._ask("SmQuery", {}, {"msgid": ",".join(waiting[first : first + QUERY_MOST])})
            for receipt in read_statuses(answer):
                take(receipt)
                taken += 1
        return taken

    def close(self) -> None:
        """Nothing stays open."""

    def _send(self, messages: Sequence[OutgoingSms]) -> list[Outcome]:
        lines: dict[str, bytes] = {}
        outcomes: dict[int, Outcome] = {}
        for place, message in enumerate(messages):
            try:
                lines[message.key] = _line(message, self._settings.callback)
            except ChannelError as error:
                outcomes[place] = Outcome(error)
        if lines:
            try:
                answer = self._ask("SmBulkSend", {"Encoding_PostIn": "UTF8"}, b"".join(lines.values()))
                answered, overall = read_answer(answer)
            except ChannelError as error:
                answered, overall = {}, Outcome(error)
            for place, message in enumerate(messages):
                outcomes.setdefault(place, answered.get(message.key, overall))
            self._mind(outcomes.values())
        return [outcomes[place] for place in range(len(messages))]

    def _mind(self, outcomes: Iterable[Outcome]) -> None:
        """Leave it in peace for a while if it is busy, or refuses us altogether."""
        errors = [one.error for one in outcomes if one.error is not None]
        if any(not error.permanent and error.retry_after is not None for error in errors):
            self._pause()

    def _pause(self) -> None:
        self._down_until = time.monotonic() + self._settings.pause_seconds

    def _ask(self, method: str, query: Mapping[str, str], body: bytes | Mapping[str, str]) -> str:
        """POST and give the answer's text. No message of an error holds the address: it has the password in it."""
        account = {"username": self._settings.username, "password": self._settings.password}
        if isinstance(body, bytes):
            query, content = {**account, **query}, body
        else:
            content = urlencode({**account, **body}).encode()
        parts = urlsplit(self._settings.url)
        link: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            link = http.client.HTTPSConnection(
                parts.hostname or "", parts.port, timeout=self._settings.answer_seconds, context=context
            )
        else:
            link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=self._settings.answer_seconds)
        path = f"{parts.path.rstrip('/')}/api/mtk/{method}" + (f"?{urlencode(query)}" if query else "")
        if not _ONE_CONNECTION.acquire(timeout=self._settings.answer_seconds):
            raise ChannelError("Another request is under way.", permanent=False, retry_after=timedelta(0))
        try:
            link.request("POST", path, content, {"Content-Type": "application/x-www-form-urlencoded"})
            answer = link.getresponse()
            text = answer.read(ANSWER_BYTES_MAX).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            self._pause()
            raise ChannelError(f"Mitake does not answer: {type(error).__name__}", permanent=False) from None
        finally:
            link.close()
            _ONE_CONNECTION.release()
        if answer.status != http.client.OK:
            self._pause()
            raise ChannelError(f"Mitake answers {answer.status}.", permanent=False)
        return text


def _line(message: OutgoingSms, callback: str) -> bytes:
    """`ClientID$$dstaddr$$dlvtime$$vldtime$$destname$$response$$smbody`; character 6 is a new line."""
    if not _KEY.fullmatch(message.key):
        raise ChannelError("The key cannot be a ClientID.", permanent=False)
    text = message.text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\x06").replace("$$", "$ $")
    fields = (message.key, domestic(message.to), "", "", "", callback, text)
    return ("$$".join(fields) + "\r\n").encode()


def read_answer(text: str) -> tuple[dict[str, Outcome], Outcome]:
    """What a bulk request was answered, by ClientID, and what holds for a message that the answer does not name."""
    answered: dict[str, Outcome] = {}
    sections: dict[str, dict[str, str]] = {"": {}}
    section = ""
    for line in text.splitlines():
        heading = re.fullmatch(r"\[(.{1,36})\]", line.strip())
        if heading:
            section = heading[1]
            sections[section] = {}
        elif "=" in line:
            name, _, value = line.partition("=")
            sections[section][name.strip()] = value.strip()
    overall = _outcome(sections.pop(""))
    for key, said in sections.items():
        answered[key] = _outcome(said)
    return answered, overall


def _outcome(said: Mapping[str, str]) -> Outcome:
    code, reference = said.get("statuscode", ""), said.get("msgid", "")
    if code in ACCEPTED and is_reference(reference):
        return Outcome(references=(reference,))
    if not code:
        return Outcome(ChannelError("Mitake's answer does not name this message.", permanent=False))
    wait = None if code in BAD_NUMBER or code.isdecimal() else timedelta(seconds=60)
    if code in BUSY:
        wait = timedelta(seconds=15)
    return Outcome(ChannelError(f"Mitake says {code}.", permanent=code in BAD_NUMBER, retry_after=wait))


def read_statuses(text: str) -> list[Receipt]:
    """What `SmQuery` answers: `msgid`, the code and its time in each line, between tabs, in no order."""
    rows = [line.split("\t") for line in text.splitlines()]
    return [read_status(row[0].strip(), row[1].strip()) for row in rows if len(row) >= 2 and row[0].strip()]


def read_status(reference: str, code: str) -> Receipt:
    """One status code of Mitake, from a query or a callback (`StatusFlag`)."""
    delivered = True if code in DELIVERED else False if code in UNDELIVERED else None
    return Receipt(reference, delivered, permanent=code in BAD_NUMBER, said=code[:20])


def is_reference(text: str) -> bool:
    """Whether Mitake could call a message so."""
    return _REFERENCE.fullmatch(text) is not None


def is_status(code: str) -> bool:
    """Whether Mitake could say so of a message."""
    return re.fullmatch(r"[0-9A-Za-z*]{1,2}", code, re.ASCII) is not None


def acknowledgement(reference: str) -> str:
    """What a callback is answered with, as text/plain; without it Mitake calls again."""
    return f"magicid=sms_gateway_rpack\nmsgid={reference}\n"


def _untried() -> Outcome:
    return Outcome(ChannelError("This message was not tried.", permanent=False, retry_after=timedelta(0)))
