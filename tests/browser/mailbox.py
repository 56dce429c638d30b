"""Every mail that went out, as the people it went to read it."""

import re
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from typing import Protocol

from gatepost.channels.email.tests.relays import Script
from gatepost.config.carriers import mail_carrier
from gatepost.guardians.applications import letters
from gatepost.notify import activations, sender


class Clock(Protocol):
    """What knows the time, for instance a `Site`."""

    now: datetime


class Mailbox:
    """Every mail that the relay took, and the worker's loops that hand them over."""

    def __init__(self, script: Script, clock: Clock) -> None:
        self._script, self._clock, self._carrier = script, clock, mail_carrier()

    def deliver(self) -> None:
        """What the worker does with what is due."""
        for send_due in (letters.send_due, activations.send_due):
            while send_due(now=self._clock.now):
                pass
        while sender.send_due("email", self._carrier, now=self._clock.now):
            pass

    def mails(self, to: str) -> list[EmailMessage]:
        """All mails to `to`, the oldest first."""
        taken = [mail.message for mail in self._script.mails if mail.recipient == to]
        return [message_from_bytes(one, policy=modern) for one in taken]

    def newest(self, to: str, pattern: str) -> str:
        """What `pattern` finds in the newest mail to `to`."""
        mail = self.mails(to)[-1]
        found = re.search(pattern, text_of(mail))
        assert found, mail
        return found[1]

    def subjects(self, to: str) -> list[str]:
        return [str(mail["subject"]) for mail in self.mails(to)]


def text_of(mail: EmailMessage) -> str:
    """The words of `mail`, as a program without HTML shows them."""
    body = mail.get_body(("plain",))
    assert body
    return str(body.get_content())
