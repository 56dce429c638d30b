"""Files of `NAME=value` lines that only their owner may read."""

import os
from collections.abc import Mapping
from pathlib import Path

from gatepost.up.trouble import StartError


def read_env(file: Path) -> dict[str, str]:
    """The settings in a file, as they stand (no quotes, no escapes); none when there is no file."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"Cannot read {file}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.") from error
    return parse_env(text, named=str(file))


def parse_env(text: str, *, named: str) -> dict[str, str]:
    """The same for a text; `named` is what the person is told that it is. Raises `StartError`."""
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    if not all(sign and name.isidentifier() for name, sign, _ in pairs):
        raise StartError(f"{named} holds a line that is not NAME=value.")
    return {name: value for name, _, value in pairs}


def write_env(file: Path, settings: Mapping[str, str], *, heading: str) -> None:
    """Put settings into a file of mode 600, whole or not at all, and on the disk when this returns."""
    text = env_text(settings, heading=heading)
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(file)


def env_text(settings: Mapping[str, str], *, heading: str) -> str:
    """Settings as they stand in such a file."""
    return f"# {heading}\n" + "".join(f"{name}={value}\n" for name, value in settings.items())
