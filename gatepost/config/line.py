"""The settings of the LINE channel: all of them, or none."""

import re
from typing import NamedTuple

from gatepost.kit.environment import Environment

ACCOUNT = re.compile(r"@[a-z0-9._-]{3,20}", re.ASCII)


class Line(NamedTuple):
    channel_secret: str
    access_token: str
    account: str  # empty: the channel is off
    api: str


def read(environment: Environment, *, demonstration: bool) -> Line:
    """What the environment says of LINE; what is wrong with it is noted there."""
    found = Line(
        environment.secret("GATEPOST_LINE_CHANNEL_SECRET", ""),
        environment.secret("GATEPOST_LINE_ACCESS_TOKEN", ""),
        environment.text("GATEPOST_LINE_ACCOUNT", ""),
        environment.url("GATEPOST_LINE_API", "https://api.line.me").rstrip("/"),
    )
    if found.api.startswith("http://") and not demonstration:
        environment.problem("GATEPOST_LINE_API", "can be http in a demonstration only: the access token travels there")
    if not any(found[:3]):
        return found
    for name, value in (("CHANNEL_SECRET", found.channel_secret), ("ACCESS_TOKEN", found.access_token)):
        if not value:
            environment.problem(f"GATEPOST_LINE_{name}", "is not set, while other settings of LINE are")
    if not ACCOUNT.fullmatch(found.account):
        environment.problem("GATEPOST_LINE_ACCOUNT", "must be the id of the LINE account, such as @123abcde")
    return found
