"""Taiwan's mobile numbers: the only ones we send to.

Who may write any number into a page may otherwise make us pay for messages to premium numbers on the other side of
the world (SMS pumping).
"""

import re
import unicodedata

from gatepost.channels.errors import ChannelError

_WRITTEN = re.compile(r"(?:(?:\+|00)?886\s*0?|0)(9\d{8})")


def usable(text: str) -> str:
    """The number as `+8869…`, however a person writes it: `0912-345-678`, `+886 912 345 678`, full-width digits.

    Raises a permanent `ChannelError` for what is no Taiwan mobile number.
    """
    plain = re.sub(r"[\s\-().·‐-―]", "", unicodedata.normalize("NFKC", text))
    found = _WRITTEN.fullmatch(plain) if plain.isascii() else None
    if found is None:
        raise ChannelError("This is no mobile number of Taiwan.", permanent=True)
    return "+886" + found[1]


def domestic(number: str) -> str:
    """The number as people here write it: `0912345678`."""
    return "0" + usable(number).removeprefix("+886")


def international(number: str) -> str:
    """The number as networks write it, without a plus: `886912345678`."""
    return usable(number).removeprefix("+")
