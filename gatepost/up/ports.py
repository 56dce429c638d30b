"""Are the ports free that we are about to listen on?"""

import errno
import socket
import time
from collections.abc import Mapping

from gatepost.up.trouble import StartError

PATIENCE_SECONDS = 2  # children of a start that was killed are still letting go


def require_free(host: str, ports: Mapping[str, int], *, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Raise `StartError` naming each port (by its variable) that somebody else listens on, or that we may not use."""
    deadline = time.monotonic() + patience_seconds
    while troubles := _troubles(host, ports):
        if time.monotonic() > deadline:
            raise StartError("; ".join(troubles) + ".")
        time.sleep(0.1)


def _troubles(host: str, ports: Mapping[str, int]) -> list[str]:
    twice = [name for name, port in ports.items() if list(ports.values()).count(port) > 1]
    if twice:
        return [f"{' and '.join(twice)} are the same port"]
    found = ((name, port, _why_not(host, port)) for name, port in ports.items())
    return [f"Port {port} {reason}: set {name} to another one" for name, port, reason in found if reason]


def _why_not(host: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except PermissionError:
            return "may not be used by this account"
        except OSError as error:
            return "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
    return ""
