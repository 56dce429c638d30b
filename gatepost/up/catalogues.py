"""Translations: from the text files that people edit (`.po`) to the ones that Django reads (`.mo`).

The compiled files are not kept in the repository: they are made when the environment is built, when a package is
built and when a test run begins. GNU gettext is not needed for that; Babel does it. Run as a program, this compiles
what is out of date, with `--check` it also refuses what must not be shipped.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Babel is only there where things are built
    from babel.messages.catalog import Catalog

LOCALE = Path(__file__).resolve().parent.parent / "locale"


def compile_catalogues(locale: Path = LOCALE) -> int:
    """Compile each catalogue that is newer than its compiled file; how many there were."""
    stale = [source for source in sources(locale) if _is_stale(source)]
    for source in stale:
        _compile(source)
    return len(stale)


def problems(locale: Path = LOCALE) -> list[str]:
    """What must not be shipped, one line each: doubtful entries, placeholders that differ from the English ones."""
    return [line for source in sources(locale) for line in _problems(source, source.relative_to(locale.parent))]


def sources(locale: Path) -> list[Path]:
    """The catalogues that people edit."""
    return sorted(locale.glob("*/LC_MESSAGES/*.po"))


def _is_stale(source: Path) -> bool:
    compiled = source.with_suffix(".mo")
    return not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime


def _compile(source: Path) -> None:
    from babel.messages.mofile import write_mo

    new = source.with_suffix(".mo.new")  # somebody may be reading the old one
    with new.open("wb") as stream:
        write_mo(stream, _read(source))
    new.replace(source.with_suffix(".mo"))


def _problems(source: Path, name: Path) -> list[str]:
    catalogue = _read(source)
    wrong = [f"{name}:{message.lineno}: {error}" for message, errors in catalogue.check() for error in errors]
    doubtful = [f"{name}:{message.lineno}: marked fuzzy" for message in catalogue if message.id and message.fuzzy]
    return wrong + doubtful


def _read(source: Path) -> "Catalog":
    from babel.messages.pofile import read_po

    with source.open("rb") as stream:
        return read_po(stream, locale=source.parent.parent.name, abort_invalid=True)


def main() -> None:
    """Compile; with `--check`, end with code 1 where there are problems."""
    compile_catalogues()
    found = problems() if "--check" in sys.argv[1:] else []
    sys.stdout.writelines(f"{line}\n" for line in found)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
