"""One bound SMPP connection. The bytes are smpplib's; the certificate, the bounds and the silences are ours."""

import logging
import select
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from smpplib import consts, exceptions, smpp
from smpplib.client import Client

from gatepost.channels.errors import ChannelError
from gatepost.channels.sms.numbers import international

logging.getLogger("smpplib.session").setLevel(logging.CRITICAL)  # below, it writes numbers, texts and the password

PDU_BYTES_MAX = 70_000  # message_payload holds 64 KiB


@dataclass(frozen=True, slots=True)
class SmppSettings:
    """How to reach the carrier. `sender`: the number or name that the message comes from, as agreed with it.

    `long`: how it takes long messages, in parts with headers of ours (udh) or whole (payload). `window`: how many may
    be unanswered at once; as many may arrive twice if the connection breaks.
    """

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    sender: str = ""
    system_type: str = ""
    tls: bool = True
    long: Literal["udh", "payload"] = "udh"
    window: int = 10
    answer_seconds: float = 10.0
    idle_seconds: float = 30.0
    pause_seconds: float = 10.0


class Trouble(ChannelError):
    """The connection, not the message."""


@dataclass(frozen=True, slots=True)
class Part:
    """One message on the air: to whom, what, and how it is written."""

    to: str
    octets: bytes
    data_coding: int
    has_header: bool = False
    payload: bytes = b""


class Link:
    """A connection that is bound. Raises `Trouble` when it is so no more."""

    def __init__(self, settings: SmppSettings) -> None:
        self._settings = settings
        self._client = _Client(settings)
        self._used_at = time.monotonic()
        try:
            self._client.connect()
            self._client.bind_transceiver(
                system_id=settings.system_id, password=settings.password, system_type=settings.system_type
            )
        except (exceptions.ConnectionError, exceptions.PDUError, OSError, ValueError) as error:
            self.drop()
            raise Trouble(f"cannot bind: {_named(error)}", permanent=False) from error

    def submit(self, part: Part) -> int:
        """Send one part. Returns its sequence number."""
        whole: dict[str, Any] = {"message_payload": part.payload} if part.payload else {}
        return self._send(
            "submit_sm",
            source_addr=self._settings.sender,
            source_addr_ton=_ton(self._settings.sender),
            source_addr_npi=1 if self._settings.sender.isdecimal() else 0,
            dest_addr_ton=consts.SMPP_TON_INTL,
            dest_addr_npi=consts.SMPP_NPI_ISDN,
            destination_addr=international(part.to),
            esm_class=consts.SMPP_GSMFEAT_UDHI if part.has_header else consts.SMPP_MSGMODE_DEFAULT,
            data_coding=part.data_coding,
            registered_delivery=consts.SMPP_SMSC_DELIVERY_RECEIPT_BOTH,
            short_message=part.octets,
            **whole,
        )

    def answer(self, pdu: Any, command: str, *, status: int = consts.SMPP_ESME_ROK) -> None:
        """Answer a request of the carrier."""
        self._send(command, sequence=pdu.sequence, status=status)

    def keep_alive(self) -> None:
        """After a silence, ask whether the carrier is still there."""
        if time.monotonic() - self._used_at < self._settings.idle_seconds:
            return
        self._send("enquire_link")
        if not self.readable(self._settings.answer_seconds):
            raise Trouble("The carrier is silent.", permanent=False)

    def readable(self, seconds: float) -> bool:
        """Whether something comes within `seconds`."""
        return self._client.readable(max(seconds, 0.0))

    def read(self) -> Any:
        """What has come."""
        try:
            pdu = self._client.read_pdu()
        except (exceptions.ConnectionError, exceptions.PDUError, OSError, ValueError, LookupError) as error:
            raise Trouble(f"cannot read: {_named(error)}", permanent=False) from error
        self._used_at = time.monotonic()
        return pdu

    def unbind(self) -> None:
        """Take leave, whatever the carrier makes of it."""
        with suppress(Trouble):
            self._send("unbind")
            if self.readable(1.0):
                self.read()
        self.drop()

    def drop(self) -> None:
        """Hang up."""
        self._client.hang_up()

    def _send(self, command: str, *, sequence: int | None = None, **fields: Any) -> int:
        pdu = smpp.make_pdu(command, client=self._client, **fields)
        if sequence is not None:
            pdu.sequence = sequence
        try:
            self._client.send_pdu(pdu)
        except (exceptions.ConnectionError, exceptions.PDUError, OSError) as error:
            raise Trouble(f"cannot write: {_named(error)}", permanent=False) from error
        self._used_at = time.monotonic()
        return int(pdu.sequence)


class _Client(Client):  # type: ignore[misc] # it has no types
    """smpplib's client; IPv6, checked certificates and a bound on what it reads are ours."""

    def __init__(self, settings: SmppSettings) -> None:
        super().__init__(
            settings.host,
            settings.port,
            timeout=settings.answer_seconds,
            logger_name="smpplib.session",
            allow_unknown_opt_params=True,
        )
        self._tls = settings.tls

    def connect(self) -> None:
        """Connect; the certificate must be for that very host."""
        plain = socket.create_connection((self.host, self.port), self.timeout)
        self._socket: socket.socket | None = plain
        if self._tls:
            self._socket = ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)
        self.state = consts.SMPP_CLIENT_STATE_OPEN

    def readable(self, seconds: float) -> bool:
        """Whether something can be read within `seconds`."""
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        return self._socket is not None and bool(select.select([self._socket], [], [], seconds)[0])

    def hang_up(self) -> None:
        """Close, without a word."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _recv_exact(self, exact_size: int) -> bytes:
        if not 0 <= exact_size <= PDU_BYTES_MAX:
            raise ValueError("length")
        octets: bytes = super()._recv_exact(exact_size)
        return octets


def _ton(sender: str) -> int:
    """Type of number of whom it comes from: international, a short number of the network, or a name."""
    if not sender:
        return int(consts.SMPP_TON_UNK)
    if sender.isdecimal():
        return int(consts.SMPP_TON_INTL if len(sender) > 8 else consts.SMPP_TON_NWSPEC)
    return int(consts.SMPP_TON_ALNUM)


def _named(error: Exception) -> str:
    status = error.args[1] if isinstance(error, exceptions.PDUError) and len(error.args) > 1 else ""
    return f"{type(error).__name__} {status}".strip()
