"""A CSV file as rows of cells, with the lines they stand on."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, islice
from operator import itemgetter
from typing import Any, Final

from gatepost.roster.imports.encodings import Encoding, detect
from gatepost.roster.imports.faults import Fault, Faults, shown
from gatepost.roster.imports.files import SourceFile, broken_is_refused
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.wordings import half_width

COLUMNS_MAX: Final = 500
STEP_ROWS: Final = 2_000  # how often progress is told
UNREADABLE: Final = "�"
_LINE_ENDS: Final = re.compile(r"\r\n|\n|\r")

Progress = Callable[[str, int, int], None]  # file; bytes (or rows) done; of how many
Row = list[str]
Record = tuple[int, bool, tuple[str, ...]]  # line, whether every character could be read, and the cells


def silent(_file: str, _done: int, _all: int) -> None:
    """The progress that nobody watches."""


class Table:
    """One CSV file, read as a stream. What is no row of a table becomes a fault, and reading goes on after it."""

    def __init__(
        self,
        file: SourceFile,
        faults: Faults,
        *,
        told: str | None = None,
        delimiter: str = ",",
        progress: Progress = silent,
    ) -> None:
        """`told` is an encoding named by a person. Raises `ImportRefused` when the file is no text that can be read."""
        self.name = file.name
        self.encoding: Encoding = detect(file, told=told)
        self.count = 0  # rows met so far, the header among them
        self._file = file
        self._faults = faults
        self._delimiter = delimiter
        self._progress = progress

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Each row with the line it begins on, the header first; empty lines are passed over."""
        return chain.from_iterable(self.batches())

    def batches(self) -> Iterator[Sequence[tuple[int, Row]]]:
        """The same rows, some thousands at a time: two million single steps would cost more than the reading."""
        with broken_is_refused(self.name), self._file.open() as raw:
            text = io.TextIOWrapper(raw, self.encoding.codec, "replace", newline="")
            reader = csv.reader(text, delimiter=self._delimiter, strict=True)
            while (batch := self._next_batch(reader)) is not None:
                self.count += len(batch)
                yield batch
                self._progress(self.name, raw.tell(), self._file.size)
        self._progress(self.name, self._file.size, self._file.size)

    def _next_batch(self, reader: Any) -> Sequence[tuple[int, Row]] | None:
        """Rows with their lines; None at the end of the file. A row that cannot be parsed ends the batch."""
        first = reader.line_num + 1
        rows: list[Row] = []
        broken = False
        try:
            rows.extend(islice(reader, STEP_ROWS))
        except csv.Error:
            broken = True
        plain = not broken and reader.line_num + 1 - first == len(rows)
        lines = range(first, first + len(rows)) if plain else _lines(rows, first)
        if broken:
            self._faults.add(Fault(self.name, lines[-1], "", "quotes"))
            self._faults.unsure = True
        elif not rows:
            return None
        return [(line, row) for line, row in zip(lines, rows, strict=False) if row]


class Columns:
    """The cells of a row by the names in the header, in whatever order they stand there."""

    def __init__(self, table: str, header: Row, wanted: Mapping[str, Sequence[str]], required: Sequence[str]) -> None:
        """`wanted` are our names for columns with the spellings they are met under.

        Raises `ImportRefused` (header) if a required column is missing or a wanted one stands twice.
        """
        spelt = [half_width(name).strip().lower() for name in header]
        self.width = len(header)
        self.names = tuple(wanted)
        self._places = {name: _places(spelt, spellings) for name, spellings in wanted.items()}
        wrong = [name for name in required if not self._places[name]]
        wrong += [name for name, places in self._places.items() if len(places) > 1]
        if wrong or len(header) > COLUMNS_MAX:
            raise ImportRefused("header", f"{table} ({', '.join(dict.fromkeys(wrong))})")

    def has(self, name: str) -> bool:
        """Whether the file has this column."""
        return bool(self._places[name])

    def picker(self) -> Callable[[Sequence[str]], tuple[str, ...]]:
        """What takes our cells, in the order of `wanted`, from a row that had an empty cell added at its end."""
        return itemgetter(*(next(iter(self._places[name]), -1) for name in self.names))


class Records:
    """The rows of a table below its header, as the cells that are wanted."""

    def __init__(
        self, table: Table, faults: Faults, wanted: Mapping[str, Sequence[str]], required: Sequence[str]
    ) -> None:
        self._batches = table.batches()
        first = next((batch for batch in self._batches if batch), [(1, [])])
        self._batches = chain([first[1:]], self._batches)
        _line, header = first[0]
        self.table = table
        self.columns = Columns(table.name, header, wanted, required)
        self._faults = faults

    def __iter__(self) -> Iterator[Record]:
        """Row by row. Rows of another width than the header are faults."""
        return chain.from_iterable(self.batches())

    def batches(self) -> Iterator[list[Record]]:
        """The same rows, some thousands at a time."""
        width, pick, lossy = self.columns.width, self.columns.picker(), self.table.encoding.lossy
        for batch in self._batches:
            records: list[Record] = []
            for line, row in batch:
                if len(row) != width:
                    self._refuse_row(line, row)
                    continue
                row.append("")
                records.append((line, True, pick(row)))
            yield [(line, self._is_readable(line, cells), cells) for line, _, cells in records] if lossy else records

    def _refuse_row(self, line: int, row: Row) -> None:
        if any(row):
            self._faults.add(Fault(self.table.name, line, "", "cells", found=f"{len(row)} ≠ {self.columns.width}"))
            self._faults.unsure = True

    def _is_readable(self, line: int, cells: tuple[str, ...]) -> bool:
        wrong = [name for name, cell in zip(self.columns.names, cells, strict=True) if UNREADABLE in cell]
        self._faults.add_all(
            Fault(self.table.name, line, name, "character", shown(cells[self.columns.names.index(name)]))
            for name in wrong
        )
        return not wrong


def _lines(rows: Sequence[Row], first: int) -> list[int]:
    """The line each row begins on, and the one after the last row, where cells hold line ends."""
    spans = (1 + sum(len(_LINE_ENDS.findall(cell)) for cell in row) for row in rows)
    return list(accumulate(spans, initial=first))


def _places(spelt: Row, spellings: Sequence[str]) -> list[int]:
    return [place for place, name in enumerate(spelt) if name in spellings]
