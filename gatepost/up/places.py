"""Where one installation keeps its things and where it listens.

`var/` holds everything that must be kept: the keys, PostgreSQL's data, the logs. While Gatepost runs,
`var/running.env` tells the other commands (`gatepost simulate`, `gatepost import`, …) what `gatepost up` told its
own children.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gatepost.kit.environment import Environment


@dataclass(frozen=True)
class Places:
    """The folder of an installation and its addresses."""

    var: Path
    listen: str
    port: int
    mail_port: int
    smtp_port: int
    identities_port: int
    services_port: int

    @property
    def keys(self) -> Path:
        return self.var / "secrets.env"

    @property
    def lock(self) -> Path:
        return self.var / "lock"

    @property
    def running(self) -> Path:
        return self.var / "running.env"

    @property
    def postgres(self) -> Path:
        return self.var / "postgres"

    @property
    def logs(self) -> Path:
        return self.var / "log"

    @property
    def static(self) -> Path:
        return self.var / "static"

    @property
    def mails(self) -> Path:
        return self.var / "mails"

    @property
    def site_url(self) -> str:
        """Where a browser on this machine finds the pages."""
        host = "127.0.0.1" if self.listen in {"0.0.0.0", "::"} else self.listen  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def read_places(environment: Mapping[str, str] = os.environ) -> Places:
    """The places that the environment names. Raises `SettingsError`."""
    values = Environment(environment)
    places = Places(
        var=Path(values.text("GATEPOST_VAR", "var")).absolute(),
        listen=values.text("GATEPOST_LISTEN", "127.0.0.1"),
        port=_port(values, "GATEPOST_PORT", 8000),
        mail_port=_port(values, "GATEPOST_MAIL_PORT", 8025),
        smtp_port=_port(values, "GATEPOST_SMTP_PORT", 1025),
        identities_port=_port(values, "GATEPOST_IDENTITIES_PORT", 8026),
        services_port=_port(values, "GATEPOST_SERVICES_PORT", 8027),
    )
    values.settle()
    return places


def _port(values: Environment, name: str, default: int) -> int:
    return values.integer(name, default, at_least=1, at_most=65535)
