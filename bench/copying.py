"""What PostgreSQL does by itself: rows of the shape of taps by one stream of binary COPY. The reference of two figures.

The bounds are on a table of the same shape as the one that keeps taps, with its key, its index and its checks
(decision 31). What the columns alone would take is measured in the same rounds and shown, without bounds.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from uuid import uuid4

import psycopg
from psycopg.types.numeric import Int4, Int8

from bench.figures import Figure, in_turn

ROWS = 300_000
BARE = "INCLUDING DEFAULTS"  # the columns alone
ALIKE = "INCLUDING ALL"  # with the key that keeps a repeat out, and the checks
_TYPES = ("date", "int4", "uuid", "uuid", "text", "text", *["timestamptz"] * 3, "int8", "text", "text")


def beside(
    measure: Callable[[], float], url: str, *, name: str, must: float, aim: float, rounds: int = 3
) -> list[Figure]:
    """Taps a second as `measure` gives them, in turn with a COPY into a table alike and with one of columns alone."""
    bare: list[float] = []

    def reference() -> float:
        bare.append(rows_a_second(url, table=BARE))
        return rows_a_second(url)

    value, alike, ratio = in_turn(measure, reference, rounds=rounds)
    columns = median(bare)
    return [
        Figure(name, value, "taps/s", "binary COPY, one stream, a table alike", alike, ratio, must, aim),
        Figure(f"{name}_bare", value, "taps/s", "binary COPY, one stream, columns alone", columns, value / columns),
    ]


def rows_a_second(url: str, *, table: str = ALIKE, rows: int = ROWS) -> float:
    """Rows a second into a new table like `gates_tap`, committed; the nonces are as mixed as readers make them."""
    now, reader = datetime.now(UTC), uuid4()
    nonces = [uuid4() for _ in range(rows)]
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_copy")
        connection.execute(f"CREATE TABLE bench_copy (LIKE gates_tap {table})".encode())
        connection.commit()
        begin = time.perf_counter()
        with connection.cursor().copy("COPY bench_copy FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(list(_TYPES))
            for nonce in nonces:
                copy.write_row(
                    (now.date(), Int4(1), reader, nonce, "04A1B2C3", "04A1B2C3", now, now, now, Int8(0), None, "")
                )
        connection.commit()
        return rows / (time.perf_counter() - begin)
