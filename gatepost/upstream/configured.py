"""Which identities this installation takes, from its settings. A way that has no address is switched off."""

from dataclasses import dataclass, field

from gatepost.kit.environment import Environment


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
