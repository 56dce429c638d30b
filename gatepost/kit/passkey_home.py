"""Where passkeys of this installation are at home: the origin they answer to, and the domain they belong to."""

from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit


def passkey_home(site_url: str, domain: str, problem: Callable[[str, str], None]) -> tuple[str, str]:
    """The origin of `site_url`, and `domain` or else its host. Both are empty where browsers make no passkeys.

    A `domain` has to be the host of the site, or end it at a dot: browsers take no other (WebAuthn, 5.1.4.1). What is
    wrong with it is told to `problem`, with the name of the setting.
    """
    parts = urlsplit(site_url)
    host = (parts.hostname or "").rstrip(".")
    origin = f"{parts.scheme}://{parts.netloc.lower()}".removesuffix(":443" if parts.scheme == "https" else ":80")
    name = "GATEPOST_PASSKEY_DOMAIN"
    if not _has_passkeys(parts.scheme, host):
        if domain:
            problem(name, "needs a GATEPOST_URL that begins with https:// and has a host name, not an IP address")
        return "", ""
    chosen = domain or host
    if chosen != host and not (host.endswith(f".{chosen}") and "." in chosen.strip(".")):
        problem(name, f"must be the host of GATEPOST_URL or a domain above it, not {chosen!r}")
        return "", ""
    return origin, chosen


def _has_passkeys(scheme: str, host: str) -> bool:
    """Whether a browser counts the site as safe, and its host as a name (localhost is both)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ip_address(host)
    except ValueError:
        return scheme == "https" and bool(host)
    return False
