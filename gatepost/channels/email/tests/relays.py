"""Relays to send to: one that follows the standard (aiosmtpd), and one that does whatever a test tells it."""

import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gatepost.channels.email.connection import SmtpSettings

# What a script can say instead of an answer.
HANG_UP = "hang up"
SAY_NOTHING = "say nothing"


@dataclass
class Taken:
    sender: str
    recipient: str
    message: bytes


@dataclass
class Script:
    """What the relay answers, by command: EHLO, MAIL, RCPT, DATA, RSET, HELLO (the greeting), MESSAGE (the dot).

    A recipient that has an answer of its own gets that one.
    """

    answers: dict[str, str] = field(default_factory=dict)
    recipients: dict[str, str] = field(default_factory=dict)
    pipelining: bool = True
    smtputf8: bool = False
    hang_up_after_mails: int = 10**9
    hang_up_within_message: bool = False
    seconds_a_mail: float = 0
    mails: list[Taken] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0

    def answer(self, command: str, usual: str) -> str:
        return self.answers.get(command, usual)


class _Scripted(socketserver.StreamRequestHandler):
    """One connection. Commands are answered in order, pipelined or not."""

    script: Script

    def handle(self) -> None:
        self.script.connections += 1
        self._mails = 0
        self._sender = self._recipient = ""
        if not self._say(self.script.answer("HELLO", "220 relay.example ESMTP")):
            return
        for line in self.rfile:
            command = line.decode().strip()
            self.script.commands.append(command)
            if not self._one(command):
                return

    def _one(self, command: str) -> bool:
        verb = command[:4].upper()
        if verb == "EHLO":
            return self._say(self.script.answer("EHLO", self._hello()))
        if verb == "MAIL":
            self._sender = command.partition("<")[2].partition(">")[0]
        if verb == "RCPT":
            self._recipient = command.partition("<")[2].partition(">")[0]
            return self._say(self.script.recipients.get(self._recipient, self.script.answer("RCPT", "250 2.1.5 Ok")))
        if verb == "DATA":
            reply = self.script.answer("DATA", "354 Go on")
            return self._say(reply) and (not reply.startswith("354") or self._message())
        if verb == "QUIT":
            return self._say("221 Bye") and False
        return self._say(self.script.answer(verb, "250 2.0.0 Ok"))

    def _hello(self) -> str:
        offers = ["250-relay.example", "250-8BITMIME"]
        offers += ["250-PIPELINING"] if self.script.pipelining else []
        offers += ["250-SMTPUTF8"] if self.script.smtputf8 else []
        return "\r\n".join([*offers, "250 ENHANCEDSTATUSCODES"])

    def _message(self) -> bool:
        if self.script.hang_up_within_message:
            self.rfile.readline()
            return False
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line.removeprefix(b"."))
        else:
            return False
        time.sleep(self.script.seconds_a_mail)
        reply = self.script.answer("MESSAGE", "250 2.0.0 Ok: queued as 4B7")
        if reply.startswith("250"):
            self.script.mails.append(Taken(self._sender, self._recipient, b"".join(lines)))
        self._mails += 1
        return self._say(reply) and self._mails < self.script.hang_up_after_mails

    def _say(self, reply: str) -> bool:
        if reply == HANG_UP:
            return False
        if reply == SAY_NOTHING:
            self.rfile.read()
            return False
        self.wfile.write(reply.encode() + b"\r\n")
        return not reply.startswith("421")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def scripted(script: Script, **changes: Any) -> Iterator[SmtpSettings]:
    """A relay on a free port that follows the script; the settings to reach it."""
    handler = type("Handler", (_Scripted,), {"script": script})
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield settings(server.server_address[1], **changes)
        server.shutdown()


class _Keep:
    def __init__(self) -> None:
        self.mails: list[Taken] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(Taken(envelope.mail_from, envelope.rcpt_tos[0], envelope.content))
        return "250 2.0.0 Ok"


def _knows(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
    return AuthResult(success=(data.login, data.password) == (b"gatepost", b"open sesame"))


@contextmanager
def standard(folder: Path, *, security: str, login: bool = False) -> Iterator[tuple[list[Taken], SmtpSettings]]:
    """aiosmtpd on a free port, with TLS from a certificate made for the occasion."""
    keep = _Keep()
    tls = certificate(folder)
    options: dict[str, Any] = {"tls_context": tls, "require_starttls": True} if security == "starttls" else {}
    if login:
        options |= {"authenticator": _knows, "auth_required": True, "auth_require_tls": security != "none"}
    if security == "tls":
        options |= {"ssl_context": tls, "auth_require_tls": False}
    port = _free_port()
    controller = Controller(keep, hostname="127.0.0.1", port=port, ready_timeout=10, **options)
    controller.start()
    try:
        yield keep.mails, settings(port, security=security, ca_file=str(folder / "ca.pem"))
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings(port: int, **changes: Any) -> SmtpSettings:
    usual: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "hello_name": "gatepost.example",
        "security": "none",
        "connect_seconds": 5,
        "reply_seconds": 5,
    }
    return SmtpSettings(**(usual | changes))


def certificate(folder: Path) -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that is its own authority, in ca.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context
