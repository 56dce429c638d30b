"""The mail relay and the sender's name, as the settings describe them."""

from collections.abc import Callable
from email.utils import parseaddr

from django.conf import settings

from gatepost.channels.email.address import Mailbox
from gatepost.channels.email.connection import SmtpSettings
from gatepost.channels.email.dkim import DkimSigner
from gatepost.kit.clock import utc_now


def smtp_settings() -> SmtpSettings:
    """How to reach the relay."""
    return SmtpSettings(
        host=settings.SMTP_HOST,
        port=settings.SMTP_PORT,
        hello_name=settings.MAIL_BOUNCE_DOMAIN,
        security=settings.SMTP_SECURITY,  # type: ignore[arg-type] # one of the three: parsed as a choice
        username=settings.SMTP_USER,
        password=settings.SMTP_PASSWORD,
    )


def sender_mailbox() -> Mailbox:
    """Whom our mails are from."""
    name, address = parseaddr(settings.MAIL_FROM)
    return Mailbox(address=address, name=name)


def signature() -> Callable[[bytes], bytes] | None:
    """Signs a message with the DKIM key; None where no key is set."""
    if not settings.DKIM_KEY:
        return None
    domain = sender_mailbox().address.rpartition("@")[2]
    signer = DkimSigner(domain=domain, selector=settings.DKIM_SELECTOR, pem=settings.DKIM_KEY.encode())
    return lambda message: signer.sign(message, at=utc_now())
