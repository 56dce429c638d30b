"""Which identities this installation takes, from its settings. A way that has no address is switched off."""

import base64
import binascii
from dataclasses import dataclass, field

from gatepost.kit.environment import Environment

FIDO_KEY_BYTES = 32


@dataclass(frozen=True)
class TaipeiPass:
    """`shape`: `city`, the API of the city's own applications, or `openid`, OpenID Connect with discovery at `url`."""

    url: str
    shape: str
    client_id: str
    client_secret: str = field(repr=False)
    levels: frozenset[str] = frozenset()  # what the level claim says of somebody whose identity was looked at


def taipei_pass(read: Environment, *, demonstration: bool) -> TaipeiPass | None:
    """None where it is switched off; what is missing becomes a problem of the settings."""
    url = _url(read, "GATEPOST_TAIPEI_PASS_URL", demonstration=demonstration)
    if not url:
        return None
    return TaipeiPass(
        url=url,
        shape=read.choice("GATEPOST_TAIPEI_PASS_SHAPE", "city", among=["city", "openid"]),
        client_id=read.text("GATEPOST_TAIPEI_PASS_CLIENT_ID"),
        client_secret=read.secret("GATEPOST_TAIPEI_PASS_CLIENT_SECRET"),
        levels=_levels(read),
    )


@dataclass(frozen=True)
class TwFido:
    """`key`: the 32 bytes that the ministry shares with this installation."""

    url: str
    service_id: str
    key: bytes = field(repr=False)


def twfido(read: Environment, *, demonstration: bool) -> TwFido | None:
    """None where it is switched off; what is missing becomes a problem of the settings."""
    url = _url(read, "GATEPOST_TWFIDO_URL", demonstration=demonstration)
    if not url:
        return None
    name = "GATEPOST_TWFIDO_KEY"
    try:
        key = base64.b64decode(read.secret(name), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != FIDO_KEY_BYTES:
        read.problem(name, f"must be base64 of {FIDO_KEY_BYTES} bytes")
    return TwFido(url=url, service_id=read.text("GATEPOST_TWFIDO_SERVICE_ID"), key=key)


@dataclass(frozen=True)
class MobileId:
    """What the portal knows this installation by; `key` is shared with it."""

    url: str
    business_no: str
    key_no: str
    key: str = field(repr=False)


def mobile_id(read: Environment, *, demonstration: bool) -> MobileId | None:
    """None where it is switched off; what is missing becomes a problem of the settings."""
    url = _url(read, "GATEPOST_MOBILE_ID_URL", demonstration=demonstration)
    if not url:
        return None
    return MobileId(
        url=url,
        business_no=read.text("GATEPOST_MOBILE_ID_BUSINESS_NO"),
        key_no=read.text("GATEPOST_MOBILE_ID_KEY_NO"),
        key=read.secret("GATEPOST_MOBILE_ID_KEY"),
    )


def _levels(read: Environment) -> frozenset[str]:
    name = "GATEPOST_TAIPEI_PASS_LEVELS"
    levels = frozenset(read.listing(name))
    if not levels:
        read.problem(name, "is not set: which values of the level claim mean a gold member")
    if "0" in levels:
        read.problem(name, "must not hold 0, which means that nobody looked at the identity")
    return levels


def _url(read: Environment, name: str, *, demonstration: bool) -> str:
    """The city and the state are asked over https; only the simulators of a demonstration are not."""
    return read.url(name, "", schemes=["https", "http"] if demonstration else ["https"]).rstrip("/")
