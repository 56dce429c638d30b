"""Which addresses a service may register. They are later compared letter for letter, so they are checked strictly."""

from urllib.parse import urlsplit

LONGEST = 500
MOST = 10
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class AddressRefused(Exception):
    """`code`: form (no such address), https, fragment, person (name or password in it), wildcard, many, long."""

    def __init__(self, code: str, address: str = "") -> None:
        super().__init__(code)
        self.code, self.address = code, address


def several(text: str, *, private_allowed: bool) -> list[str]:
    """The addresses in `text`, one a line, each checked. Raises `AddressRefused` for the first that is none."""
    found = list(dict.fromkeys(text.split()))
    if len(found) > MOST:
        raise AddressRefused("many")
    for address in found:
        check(address, private_allowed=private_allowed)
    return found


def check(address: str, *, private_allowed: bool) -> None:
    """Whether browsers may be sent to `address`: https; http only to this machine, and only where that is allowed."""
    if len(address) > LONGEST:
        raise AddressRefused("long", address)
    if "#" in address:
        raise AddressRefused("fragment", address)
    if "*" in address:
        raise AddressRefused("wildcard", address)
    if not address.isascii() or not address.isprintable() or set(address) & set(' \\"<>^`{|}'):
        raise AddressRefused("form", address)
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise AddressRefused("form", address) from error
    if parts.scheme not in ("https", "http") or not host or not parts.path.startswith("/"):
        raise AddressRefused("form", address)
    if "@" in parts.netloc:
        raise AddressRefused("person", address)
    if parts.scheme == "http" and not (private_allowed and host in LOOPBACK):
        raise AddressRefused("https", address)
