"""What the demonstration's mail catcher has caught, asked over its own small API."""

import http.client
import json
import re
from typing import Any, Final
from urllib.parse import urlsplit

PAGE: Final = 1_000
KEEPS: Final = 20_000  # mails; the oldest go
PAGES_MAX: Final = KEEPS // PAGE + 1
_KEPT_AS: Final = re.compile(r"kept as (\d+)")


class Unreachable(Exception):
    """There is no catcher at that address."""


def caught_since(url: str, moment_ns: int) -> dict[int, str]:
    """The mails caught after a moment: their numbers (nanoseconds of arrival) and recipients. Raises `Unreachable`."""
    found: dict[int, str] = {}
    for page in range(PAGES_MAX):
        mails = _get(url, f"/api/mails?limit={PAGE}&offset={page * PAGE}")["mails"]
        found.update({mail["id"]: mail["to"] for mail in mails if mail["id"] > moment_ns})
        if len(mails) < PAGE or mails[-1]["id"] <= moment_ns:
            break
    return found


def number_in(response: str) -> int | None:
    """The number under which the catcher kept a mail, from its last words to the sender."""
    found = _KEPT_AS.search(response)
    return int(found[1]) if found else None


def _get(url: str, path: str) -> Any:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != 200:
            raise Unreachable(f"{url} answered {answer.status}")
        return json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unreachable(str(error)) from error
    finally:
        connection.close()
