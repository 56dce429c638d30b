"""A relay that keeps what it is given, and what stands in the newest mail."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from typing import Any

from gatepost.channels.email.tests import relays
from gatepost.channels.email.tests.relays import Script


@contextmanager
def kept(settings: Any) -> Iterator[Script]:
    """Mails go to a relay of our own; `Script.mails` holds them."""
    script = Script()
    with relays.scripted(script) as where:
        settings.SMTP_HOST, settings.SMTP_PORT = where.host, where.port
        yield script


def text_in(relay: Script, nth: int = -1) -> str:
    """The words of the newest mail."""
    mail = message_from_bytes(relay.mails[nth].message, policy=policy.default)
    return str(mail.get_body(("plain",)).get_content())


def link_in(relay: Script, nth: int = -1) -> str:
    """The path of the first link of the newest mail."""
    found = re.search(r"https?://[^/\s]+(/(?:activate|forgotten-password)/\S+)", text_in(relay, nth))
    assert found is not None
    return found[1]
