"""Settings from the environment, parsed strictly.

`GATEPOST_DEBUG=yes` must stop the start, not quietly mean something. Each reader notes what is wrong and answers with
the default (or an empty value), so that one run of the settings module finds every mistake; `env_settle()` at its end
then raises one `SettingsError` that names them all.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

TRUE = frozenset({"true", "1"})
FALSE = frozenset({"false", "0"})


class SettingsError(Exception):
    """What is wrong with the environment, as one line for the person who starts Gatepost."""


class Environment:
    """Reads settings out of `values` and remembers every problem. No secret and no URL enters a message."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values
        self.problems: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        """The setting without blanks around it. Without a default it is required; empty counts as not set."""
        value = self.values.get(name, "").strip()
        if value:
            return value
        if default is None:
            self.problems.append(f"{name} is not set")
            return ""
        return default

    def choice(self, name: str, default: str, *, among: Sequence[str]) -> str:
        """One of a few words, spelt exactly."""
        value = self.text(name, default)
        if value in among:
            return value
        return self._refuse(name, f"must be one of {', '.join(among)}, not {value!r}", default)

    def boolean(self, name: str, default: bool) -> bool:
        """`true`, `false`, `1` or `0`, in any case of letters; nothing else."""
        value = self.text(name, "").lower()
        if not value:
            return default
        if value in TRUE or value in FALSE:
            return value in TRUE
        return self._refuse(name, f"must be true or false (or 1, 0), not {value!r}", default)

    def integer(self, name: str, default: int, *, at_least: int, at_most: int) -> int:
        """A whole number in ASCII digits, within its bounds."""
        value = self.text(name, "")
        if not value:
            return default
        bounds = f"must be a whole number from {at_least} to {at_most}, not {value!r}"
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            return self._refuse(name, bounds, default)
        if not at_least <= int(value) <= at_most:
            return self._refuse(name, bounds, default)
        return int(value)

    def listing(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """Words between commas; blanks around them and empty ones do not count."""
        value = self.text(name, "")
        return [part.strip() for part in value.split(",") if part.strip()] if value else list(default)

    def url(self, name: str, default: str | None = None, *, schemes: Sequence[str] = ("http", "https")) -> str:
        """An absolute URL with one of the schemes. Not shown in messages: it may hold a password."""
        value = self.text(name, default)
        if not value or value == default:
            return value
        try:
            parts = urlsplit(value)
            _ = parts.port  # raises ValueError when it is no port
        except ValueError:
            return self._refuse(name, "is not a URL", default or "")
        if parts.scheme not in schemes:
            return self._refuse(
                name, f"must be a URL that begins with {' or '.join(f'{s}://' for s in schemes)}", default or ""
            )
        if parts.scheme in {"http", "https"} and not parts.hostname:
            return self._refuse(name, "is a URL without a host", default or "")
        return value

    def secret(self, name: str, default: str | None = None) -> str:
        """A secret from `NAME`, or from the file that `NAME_FILE` names (its last line end dropped).

        Without a default it is required. A file that is named but unreadable or empty is a problem even where there
        is a default: someone meant it.
        """
        file_name = f"{name}_FILE"
        path = self.values.get(file_name, "").strip()
        if path and self.values.get(name, "").strip():
            return self._refuse(name, f"and {file_name} are both set; keep one", "")
        if not path:
            value = self.text(name, default or "")
            if not value and default is None:
                return self._refuse(name, f"is not set (nor {file_name})", "")
            return value
        try:
            value = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            return self._refuse(file_name, f"cannot be read: {reason}", "")
        return value or self._refuse(file_name, "names an empty file", "")

    def problem(self, name: str, reason: str) -> None:
        """Note something wrong with `name` that only its reader can see. The reason must not show a secret."""
        self.problems.append(f"{name} {reason}")

    def settle(self) -> None:
        """Raise `SettingsError` with every problem met so far, and start afresh."""
        problems, self.problems = self.problems, []
        if problems:
            raise SettingsError("Settings: " + "; ".join(problems) + ".")

    def _refuse(self, name: str, reason: str, instead: T) -> T:
        self.problems.append(f"{name} {reason}")
        return instead


process_environment = _process = Environment(os.environ)
env_text = _process.text
env_choice = _process.choice
env_bool = _process.boolean
env_int = _process.integer
env_list = _process.listing
env_url = _process.url
env_secret = _process.secret
env_problem = _process.problem
env_settle = _process.settle
