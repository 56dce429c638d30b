"""What PostgreSQL does bare: rows of the shape of taps by one stream of binary COPY. The reference of two figures."""

import time
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
from psycopg.types.numeric import Int4, Int8

ROWS = 300_000
BARE = "INCLUDING DEFAULTS"  # the columns alone
ALIKE = "INCLUDING ALL"  # with the key that keeps a repeat out, and the checks
_TYPES = ("date", "int4", "uuid", "uuid", "text", "text", *["timestamptz"] * 3, "int8", "text", "text")


def rows_a_second(url: str, *, table: str = BARE, rows: int = ROWS) -> float:
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
