"""Where Mitake reports what became of a message: an address that only it was told, asked from where it stands."""

import hmac
from ipaddress import ip_address

from django.conf import settings
from django.urls import reverse


def is_taken() -> bool:
    """Whether reports are taken at all: with Mitake, once it is said where they come from."""
    return settings.SMS == "mitake" and bool(settings.SMS_REPORTS_FROM)


def address() -> str:
    """What each message names as the place of its report; empty where none is taken, and they are asked for."""
    return f"{settings.SITE_URL}{reverse('sms-report', args=[_secret()])}" if is_taken() else ""


def is_secret(said: str) -> bool:
    """Whether `said` is the secret of that address. Takes as long for a wrong one as for the right one."""
    return hmac.compare_digest(_secret().encode(), said.encode())


def is_source(network_address: str) -> bool:
    """Whether the gateway's reports come from there."""
    try:
        seen = ip_address(network_address)
    except ValueError:
        return False
    seen = getattr(seen, "ipv4_mapped", None) or seen
    return any(seen in network for network in settings.SMS_REPORTS_FROM)


def _secret() -> str:
    digest: bytes = settings.KEY_RING.digest("sms-reports")
    return digest.hex()[:40]
