"""A OneRoster package: which files it holds, and whether they are complete (bulk) or changes (delta)."""

from collections.abc import Mapping, Sequence
from typing import Final

from gatepost.roster.imports.cells import plain
from gatepost.roster.imports.faults import Fault, Faults
from gatepost.roster.imports.files import SourceFile
from gatepost.roster.imports.plan import FileRead
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.imports.tables import Progress, Records, Table

MANIFEST: Final = "manifest.csv"
READ: Final = ("orgs", "academicSessions", "classes", "users", "roles", "demographics", "enrollments")
MODES: Final = ("absent", "bulk", "delta")
MANIFEST_ROWS_MAX: Final = 1_000


class Package:
    """The files of a package by their OneRoster names. `bulk` is False for a delta package."""

    def __init__(
        self, files: Mapping[str, SourceFile], faults: Faults, *, told: str | None, progress: Progress
    ) -> None:
        """Raises `ImportRefused` (file_missing, delta_mixed, version, header) for a package that contradicts itself."""
        self._files = dict(files)
        self._faults = faults
        self._told = told
        self._progress = progress
        self.read: dict[str, Table] = {}
        self.bulk = self._obey_manifest()

    def records(self, name: str, wanted: Mapping[str, Sequence[str]], required: Sequence[str]) -> Records | None:
        """The rows of a file, or None if the package does not have it. Raises `ImportRefused` (header)."""
        return self.needed(name, wanted, required) if self.has(name) else None

    def needed(
        self,
        name: str,
        wanted: Mapping[str, Sequence[str]],
        required: Sequence[str],
        *,
        faults: Faults | None = None,
    ) -> Records:
        """The rows of a file that must be there; `faults` takes those of its shape.

        Raises `ImportRefused` (file_missing, header).
        """
        file = self._files.get(f"{name.lower()}.csv")
        if file is None:
            raise ImportRefused("file_missing", f"{name}.csv")
        faults = self._faults if faults is None else faults
        table = Table(file, faults, told=self._told, progress=self._progress)
        self.read[name] = table
        return Records(table, faults, wanted, required)

    def has(self, name: str) -> bool:
        """Whether the package has this file."""
        return f"{name.lower()}.csv" in self._files

    def files_read(self) -> list[FileRead]:
        """What was read so far."""
        return [FileRead(table.name, table.encoding.name, max(0, table.count - 1)) for table in self.read.values()]

    def _obey_manifest(self) -> bool:
        if MANIFEST not in self._files:
            self._faults.add(Fault(MANIFEST, 1, "", "manifest_missing"))
            return True
        properties = self._properties()
        version = properties.get("oneroster.version", "1.2")
        if not version.startswith(("1.0", "1.1", "1.2")):
            raise ImportRefused("version", plain(version)[:20])
        modes = {name: properties.get(f"file.{name}".lower(), "") for name in READ}
        for name, mode in modes.items():
            self._check_presence(name, mode)
        found = {mode for name, mode in modes.items() if self.has(name)}
        if {"bulk", "delta"} <= found:
            raise ImportRefused("delta_mixed")
        return "delta" not in found

    def _properties(self) -> dict[str, str]:
        """What the manifest says; with or without its header, which some leave out."""
        table = Table(self._files[MANIFEST], self._faults, told=self._told)
        self.read["manifest"] = table
        properties: dict[str, str] = {}
        for _line, (name, *rest) in table.rows():
            properties[plain(name).lower()] = plain(rest[0]).lower() if rest else ""
            if len(properties) > MANIFEST_ROWS_MAX:
                raise ImportRefused("too_many", MANIFEST)
        return properties

    def _check_presence(self, name: str, mode: str) -> None:
        if mode in {"bulk", "delta"} and not self.has(name):
            raise ImportRefused("file_missing", f"{name}.csv")
        if mode == "absent" and self.has(name):
            self._faults.add(Fault(f"{name}.csv", 1, "", "file_unwanted"))
            del self._files[f"{name.lower()}.csv"]
