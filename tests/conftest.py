from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from gatepost.channels.email.address import Mailbox
from gatepost.channels.email.connection import SmtpSettings
from gatepost.channels.email.pool import SmtpPool
from gatepost.channels.email.tests import relays
from gatepost.gates.tests.conftest import post as post
from gatepost.notify.mail import MailCarrier


@dataclass
class Mailroom:
    """An SMTP server on a socket, and what it took in. `script.answers` is what it says."""

    script: relays.Script
    settings: SmtpSettings

    @property
    def mails(self) -> list[EmailMessage]:
        """The mails it took, in order."""
        return [message_from_bytes(one.message, policy=policy.default) for one in self.script.mails]

    def subjects(self, to: str) -> list[str]:
        """The subjects of what came for `to`, in order."""
        return [str(mail["Subject"]) for mail in self.mails if to in str(mail["To"])]

    def text(self, index: int = -1) -> str:
        """The plain text of one mail."""
        part = self.mails[index].get_body(("plain",))
        return str(part.get_content()) if part else ""


@pytest.fixture
def mailroom() -> Iterator[Mailroom]:
    script = relays.Script()
    with relays.scripted(script, pause_seconds=0.1) as settings:
        yield Mailroom(script, settings)


@pytest.fixture
def carrier(mailroom: Mailroom) -> Iterator[MailCarrier]:
    """The carrier of the worker, over SMTP to the mailroom."""
    pool = SmtpPool(mailroom.settings, size=2)
    yield MailCarrier(
        pool,
        sender=Mailbox(address="gatepost@gatepost.example", name="校門口"),
        site_url="https://gatepost.example",
        bounce_domain="gatepost.example",
        bounce_secret=b"secret",
    )
    pool.close()
