"""The side that takes mails in: as much of SMTP (RFC 5321) as a sender needs, with pipelining (RFC 2920).

Written on asyncio's protocols: aiosmtpd reads a message line by line and offers no pipelining, and in a demonstration
the processor is wanted elsewhere (figures in docs/decisions/0004-email-channel.md).

Two names are refused whatever their domain, so that a demonstration can show what happens then: `unknown@` (no such
mailbox) and `full@` (mailbox full, for now).
"""

import asyncio
import re

from gatepost.up.mailbox.store import MailStore

MESSAGE_OCTETS_MAX = 10_000_000
COMMAND_OCTETS_MAX = 2048
RECIPIENTS_MAX = 100
CONNECTIONS_MAX = 500
SILENCE_SECONDS_MAX = 300

REFUSED = {
    "unknown": b"550 5.1.1 No such mailbox (the demonstration knows none of this name)",
    "full": b"452 4.2.2 Mailbox full (in the demonstration it stays so)",
}

_HELLO = (
    b"250-mailbox.invalid\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE %d\r\n250 ENHANCEDSTATUSCODES"
    % (MESSAGE_OCTETS_MAX)
)
_PATH = re.compile(rb"(?:FROM|TO):\s*<([^<>\s]*)>(?:\s.*)?", re.IGNORECASE)
_DOUBLED_DOT = re.compile(rb"^\.(?=\.)", re.MULTILINE)
_END = b"\r\n.\r\n"


class Receiver(asyncio.Protocol):
    """One connection. A mail is in the store before it is acknowledged."""

    def __init__(self, store: MailStore, others: set["Receiver"]) -> None:
        self._store = store
        self._others = others
        self._buffer = bytearray()
        self._scanned = 0  # how much of the buffer holds no end of a message
        self._in_message = False
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._sender: str | None = None
        self._recipients: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        self._others.add(self)
        if len(self._others) > CONNECTIONS_MAX:
            self._say(b"421 4.7.0 Too many connections")
            self.hang_up()
            return
        self._heard_at = asyncio.get_running_loop().time()
        self._look_whether_anybody_speaks()
        self._say(b"220 mailbox.invalid ESMTP")

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._others.discard(self)
        if self._watch:
            self._watch.cancel()

    def data_received(self, data: bytes) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        self._buffer += data
        replies: list[bytes] = []
        while self._transport and not self._transport.is_closing():
            reply = self._take_message() if self._in_message else self._take_command()
            if reply is None:
                break
            replies.append(reply)
            if reply.startswith((b"221", b"421", b"500", b"552")):
                self._say(*replies)
                self.hang_up()
                return
        self._say(*replies)

    def hang_up(self) -> None:
        if self._transport:
            self._transport.close()

    def _take_command(self) -> bytes | None:
        """Answer the command at the start of the buffer; None when it is not there in full."""
        line, end, _ = self._buffer.partition(b"\n")
        if len(line) > COMMAND_OCTETS_MAX:
            return b"500 5.5.2 Line too long"
        if not end:
            return None
        del self._buffer[: len(line) + 1]
        return self._answer(bytes(line).strip())

    def _answer(self, command: bytes) -> bytes:
        verb, _, rest = command.partition(b" ")
        match verb.upper():
            case b"EHLO":
                self._forget()
                return _HELLO
            case b"HELO" | b"RSET" | b"NOOP":
                self._forget()
                return b"250 2.0.0 Ok"
            case b"MAIL":
                return self._begin(rest)
            case b"RCPT":
                return self._address(rest)
            case b"DATA":
                return self._go_on()
            case b"QUIT":
                return b"221 2.0.0 Bye"
        return b"502 5.5.1 Not known here"

    def _begin(self, rest: bytes) -> bytes:
        path = _PATH.fullmatch(rest)
        if not path or self._sender is not None:
            return b"501 5.5.4 MAIL FROM:<address>, once" if not path else b"503 5.5.1 One mail at a time"
        self._sender = path[1].decode(errors="replace")
        return b"250 2.1.0 Ok"

    def _address(self, rest: bytes) -> bytes:
        path = _PATH.fullmatch(rest)
        if self._sender is None:
            return b"503 5.5.1 MAIL FROM first"
        if not path or not path[1]:
            return b"501 5.1.3 RCPT TO:<address>"
        if len(self._recipients) >= RECIPIENTS_MAX:
            return b"452 4.5.3 Too many recipients"
        address = path[1].decode(errors="replace")
        refusal = REFUSED.get(address.partition("@")[0].lower())
        if refusal:
            return refusal
        self._recipients.append(address)
        return b"250 2.1.5 Ok"

    def _go_on(self) -> bytes:
        if not self._recipients:
            return b"503 5.5.1 RCPT TO first"
        self._in_message = True
        self._scanned = 0
        return b"354 End with a dot on a line of its own"

    def _take_message(self) -> bytes | None:
        """Keep the message at the start of the buffer; None when its closing dot has not come."""
        if self._buffer.startswith(b".\r\n"):
            return self._keep(b"", used=3)
        end = self._buffer.find(_END, max(0, self._scanned - len(_END)))
        self._scanned = len(self._buffer)
        if max(end, 0) > MESSAGE_OCTETS_MAX or (end < 0 and self._scanned > MESSAGE_OCTETS_MAX):
            return b"552 5.3.4 Message too large"
        if end < 0:
            return None
        return self._keep(bytes(self._buffer[: end + 2]), used=end + len(_END))

    def _keep(self, message: bytes, *, used: int) -> bytes:
        del self._buffer[:used]
        self._in_message = False
        sender, recipients = self._sender or "", self._recipients
        self._forget()
        if message.startswith(b".") or b"\n." in message:
            message = _DOUBLED_DOT.sub(b"", message)
        try:
            return b"250 2.0.0 Ok: kept as %d" % self._store.add(sender, recipients, message)
        except OSError as error:
            return f"452 4.3.1 Not kept: {error.strerror}".encode()

    def _forget(self) -> None:
        self._sender = None
        self._recipients = []

    def _say(self, *replies: bytes) -> None:
        if replies and self._transport:
            self._transport.write(b"\r\n".join((*replies, b"")))

    def _look_whether_anybody_speaks(self) -> None:
        loop = asyncio.get_running_loop()
        if self._transport is None:
            return
        if loop.time() - self._heard_at >= SILENCE_SECONDS_MAX:
            self._say(b"421 4.4.2 Nothing was said for too long")
            self.hang_up()
            return
        self._watch = loop.call_later(SILENCE_SECONDS_MAX, self._look_whether_anybody_speaks)
