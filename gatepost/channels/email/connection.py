"""One SMTP connection: opened, signed in, and used for one mail after another.

smtplib opens it (greeting, EHLO, STARTTLS, AUTH: the parts that are hard to get right). The mails themselves are
written to it directly, because one mail need not cost four round trips: where the relay offers PIPELINING (RFC 2920),
as all common ones do, MAIL, RCPT and DATA travel together.
"""

import re
import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, BinaryIO, Literal, NamedTuple

from gatepost.channels.email.address import usable
from gatepost.channels.email.replies import Stage, means_gone
from gatepost.channels.errors import ChannelError

# What begins a mail: which command is answered, and the first digit of the answer that lets us go on.
_STEPS: tuple[tuple[Stage, int], ...] = (("sender", 2), ("recipient", 2), ("message", 3))

_TEXT_MAX = 200
_REPLY_LINES_MAX = 100  # each of at most 8 KiB (smtplib)
_UNPRINTABLE = re.compile(r"[^ -~]+")
_ANY_LINE_END = re.compile(rb"\r\n|\r|\n")
_LINE_START_DOT = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class SmtpSettings:
    """How to reach the relay. All times are in seconds.

    `hello_name` is the name we greet with, a host name of ours. `ca_file` names further certificate authorities;
    certificates are always verified. ValueError for a password that would cross a network in the clear.
    """

    host: str
    port: int
    hello_name: str
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str | None = None
    connect_seconds: float = 10
    reply_seconds: float = 30
    idle_seconds: float = 20
    pause_seconds: float = 5
    mails_per_connection: int = 500

    def __post_init__(self) -> None:
        if self.username and self.security == "none" and not _is_loopback(self.host):
            raise ValueError("A relay on another machine gets a password over TLS only.")


class RelayTrouble(ChannelError):
    """The relay or the way to it failed; this connection is of no more use. Says nothing about the address.

    `down`: there is no point in trying the next mail at once. `after_message`: the whole message had been written, so
    the relay may have taken it; sending again repeats its Message-ID.
    """

    def __init__(
        self, message: str, *, down: bool = False, after_message: bool = False, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message, permanent=False, retry_after=retry_after)
        self.down = down
        self.after_message = after_message


class Ready(NamedTuple):
    """A mail in the form in which it travels, made by `ready`."""

    sender: str
    recipient: str
    octets: bytes


class _Reply(NamedTuple):
    code: int
    text: str


class Connection:
    """To be opened first. For one thread at a time, but for `abort`."""

    def __init__(self, settings: SmtpSettings) -> None:
        self.alive = False
        self.mails = 0
        self._settings = settings
        self._pause = timedelta(seconds=settings.pause_seconds)
        self._smtp = _unconnected(settings)
        self._pipelining = False
        self._begun: Ready | None = None  # the relay has its MAIL, RCPT and DATA already

    def open(self) -> None:
        """Connect, greet, sign in. Raises RelayTrouble(down=True)."""
        try:
            _open(self._smtp, self._settings)
        except (smtplib.SMTPException, OSError) as error:
            raise RelayTrouble(
                f"No connection to the relay: {_why(error)}", down=True, retry_after=self._pause
            ) from error
        self.alive = True
        self._pipelining = self._smtp.has_extn("pipelining")

    def abort(self) -> None:
        """From another thread: whoever waits for the relay here waits no longer, and finds that it hung up."""
        sock = self._smtp.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def hand_over(self, mail: Ready, *, following: Ready | None = None) -> str:
        """Give one mail to the relay; returns what it said on taking it.

        With `following`, that mail is begun at once, in the same write, and must be the next one. ChannelError: this
        mail was refused. RelayTrouble: the connection failed. Look at `alive` before using it again.
        """
        self.mails += 1
        start = self._start_pipelined if self._pipelining else self._start
        start(mail)
        begin = self._pipelining and following is not None and self._can_reach(following)
        self._begun = following if begin else None
        self._write(mail.octets + self._commands(self._begun) if self._begun else mail.octets)
        try:
            reply = self._read()
        except RelayTrouble as trouble:
            trouble.after_message = True
            raise
        if reply.code != 250:
            raise _refusal(reply, mail.recipient, stage="message")
        return _clean(reply.text, mail.recipient)

    def close(self) -> None:
        """Take leave. Never raises: there is nobody left to tell."""
        try:
            if self.alive and not self._begun:
                self._smtp.quit()
        except (smtplib.SMTPException, OSError):
            pass
        finally:
            self._hang_up()

    def _can_reach(self, mail: Ready) -> bool:
        return _is_ascii(mail) or self._smtp.has_extn("smtputf8")

    def _commands(self, mail: Ready) -> bytes:
        if not self._can_reach(mail):
            raise ChannelError("The relay cannot reach addresses beyond ASCII.", permanent=True)
        extra = b"" if _is_ascii(mail) else b" BODY=8BITMIME SMTPUTF8"
        sender, recipient = mail.sender.encode(), mail.recipient.encode()
        return b"MAIL FROM:<%b>%b\r\nRCPT TO:<%b>\r\nDATA\r\n" % (sender, extra, recipient)

    def _start_pipelined(self, mail: Ready) -> None:
        begun, self._begun = self._begun, None
        if begun is None:
            self._write(self._commands(mail))
        elif begun is not mail:
            self._hang_up()
            raise RelayTrouble("The connection was waiting for another mail.")
        refusal: ChannelError | None = None
        for step in _STEPS:
            try:
                reply = self._read()
            except RelayTrouble:
                if refusal:
                    break  # It said why before it hung up.
                raise
            refusal = refusal or _refusal_at(step, reply, mail.recipient)
        if refusal and reply.code == 354:
            # The relay waits for a message that nobody is to get. RFC 2920 section 3.1 would send it an empty one;
            # hanging up sends none.
            self._hang_up()
        if refusal:
            raise self._reset(refusal)

    def _start(self, mail: Ready) -> None:
        for command, step in zip(self._commands(mail).splitlines(keepends=True), _STEPS, strict=True):
            self._write(command)
            refusal = _refusal_at(step, self._read(), mail.recipient)
            if refusal:
                raise self._reset(refusal)

    def _reset(self, refusal: ChannelError) -> ChannelError:
        """Make the relay forget the refused mail. If that fails, the refusal is still what happened to it."""
        if not self.alive:
            return refusal
        try:
            self._write(b"RSET\r\n")
            self._read()
        except RelayTrouble:
            self._hang_up()
        return refusal

    def _write(self, octets: bytes) -> None:
        try:
            self._smtp.send(octets)
        except (smtplib.SMTPException, OSError) as error:
            raise self._trouble(error) from error

    def _read(self) -> _Reply:
        try:
            code, text = self._smtp.getreply()
        except (smtplib.SMTPException, OSError) as error:
            raise self._trouble(error) from error
        reply = _Reply(code, text.decode(errors="replace"))
        if not 200 <= code <= 599 or code == 421:  # 421: the relay is about to hang up, whatever we asked
            self._hang_up()
            raise RelayTrouble(f"The relay said {_clean(f'{code} {reply.text}', '')}")
        return reply

    def _trouble(self, error: Exception) -> RelayTrouble:
        """A relay that does not answer in time will not answer the next mail either; one that hung up may."""
        self._hang_up()
        silent = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
        pause = self._pause if silent else None
        return RelayTrouble(f"The connection to the relay failed: {_why(error)}", down=silent, retry_after=pause)

    def _hang_up(self) -> None:
        self.alive = False
        self._smtp.close()


def ready(envelope_from: str, to: str, message: bytes) -> Ready:
    """The mail as it travels. A permanent ChannelError when `to` can never be delivered to."""
    recipient = usable(to)
    try:
        sender = usable(envelope_from)
    except ChannelError as error:  # our mistake, and no fault of the recipient's address
        raise ChannelError("The return address is not usable.", permanent=False) from error
    return Ready(sender, recipient, wire(message))


def wire(message: bytes) -> bytes:
    """The message as it follows DATA: CRLF line ends only (a lone CR or LF has been used to smuggle in second mails),
    dots doubled at line starts, the closing dot at the end (RFC 5321 section 4.5.2)."""
    lines = message.count(b"\r\n")
    if message.count(b"\n") != lines or message.count(b"\r") != lines:
        message = _ANY_LINE_END.sub(b"\r\n", message)
    if message.startswith(b".") or b"\n." in message:
        message = _LINE_START_DOT.sub(b"..", message)
    return message + (b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n")


class _Lines:
    """What the relay says, line by line, with an end: an answer of endless lines would fill the memory."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.left = 0

    def readline(self, size: int) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise OSError("an answer without an end")
        return self._stream.readline(size)

    def close(self) -> None:
        self._stream.close()


class _Patient(smtplib.SMTP):
    """smtplib's, with bounded answers. Not connected by its constructor, so that it can be aborted while it opens."""

    file: Any

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Lines(self.sock.makefile("rb"))
        if self.file is not None:
            self.file.left = _REPLY_LINES_MAX
        return super().getreply()


class _PatientTls(_Patient, smtplib.SMTP_SSL):
    pass


def _unconnected(settings: SmtpSettings) -> smtplib.SMTP:
    name, seconds = settings.hello_name, settings.connect_seconds
    if settings.security == "tls":
        return _PatientTls(local_hostname=name, timeout=seconds, context=_tls(settings.ca_file))
    return _Patient(local_hostname=name, timeout=seconds)


def _open(smtp: smtplib.SMTP, settings: SmtpSettings) -> None:
    smtp._host = settings.host  # type: ignore[attr-defined] # what STARTTLS checks the certificate against
    try:
        code, text = smtp.connect(settings.host, settings.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)
        smtp.ehlo_or_helo_if_needed()
        if settings.security == "starttls":
            smtp.starttls(context=_tls(settings.ca_file))
            smtp.ehlo_or_helo_if_needed()
        if settings.username:
            smtp.login(settings.username, settings.password)
        if smtp.sock is None:
            raise smtplib.SMTPServerDisconnected("hung up")
        smtp.sock.settimeout(settings.reply_seconds)
        # Small commands are not to wait for a full packet.
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        smtp.close()
        raise


@lru_cache(maxsize=4)
def _tls(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


def _refusal_at(step: tuple[Stage, int], reply: _Reply, recipient: str) -> ChannelError | None:
    stage, wanted = step
    return None if reply.code // 100 == wanted else _refusal(reply, recipient, stage=stage)


def _refusal(reply: _Reply, recipient: str, *, stage: Stage) -> ChannelError:
    gone = means_gone(code=reply.code, text=reply.text, stage=stage)
    return ChannelError(f"The relay said {_clean(f'{reply.code} {reply.text}', recipient)}", permanent=gone)


def _why(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return _clean(f"{error.smtp_code} {said}", "")
    return _clean(str(error) or type(error).__name__, "")


def _clean(text: str, recipient: str) -> str:
    """What the relay said, fit for a log: one short line, without the person's address."""
    if recipient and recipient.lower() in text.lower():
        text = re.sub(re.escape(recipient), "(address)", text, flags=re.IGNORECASE)
    return _UNPRINTABLE.sub(" ", text)[:_TEXT_MAX]


def _is_ascii(mail: Ready) -> bool:
    return mail.sender.isascii() and mail.recipient.isascii()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
