"""Which email addresses can be used, and in which form they travel.

The form is deliberately narrower than RFC 5321: no quoted local parts, no comments, no address literals. Nobody's mail
provider gives out such addresses, and every one of the characters left out has been used to smuggle something into a
header or a command.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from gatepost.channels.errors import ChannelError

# RFC 5321 section 4.5.3.1, in octets.
LOCAL_OCTETS_MAX = 64
ADDRESS_OCTETS_MAX = 254

# RFC 5322 atext, and letters beyond ASCII as RFC 6531 allows them.
_LOCAL = re.compile(r"[\w!#$%&'*+\-/=?^`{|}~]+(\.[\w!#$%&'*+\-/=?^`{|}~]+)*")
_DOMAIN = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address and the name shown with it."""

    address: str
    name: str = ""


@lru_cache(maxsize=4096)
def usable(address: str) -> str:
    """The address with its domain in the ASCII form that relays understand (café.example becomes xn--caf-dma.example).

    Raises a permanent ChannelError for what can never be delivered to.
    """
    local, at, domain = address.rpartition("@")
    if not at or not _LOCAL.fullmatch(local):
        raise _unusable()
    try:
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError as error:
        raise _unusable() from error
    if not _DOMAIN.fullmatch(ascii_domain):
        raise _unusable()
    plain = f"{local}@{ascii_domain}"
    if len(local.encode()) > LOCAL_OCTETS_MAX or len(plain.encode()) > ADDRESS_OCTETS_MAX:
        raise _unusable()
    return plain


def _unusable() -> ChannelError:
    # The address itself stays out of the message: messages end up in logs.
    return ChannelError("This is not an email address that can be delivered to.", permanent=True)
