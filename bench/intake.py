"""`POST /v1/taps`: how many a second, beside what PostgreSQL does bare and what a plain Django view does."""

from pathlib import Path

import psycopg

from bench import copying
from bench.figures import Figure, in_turn
from bench.stage import FOLDER, ROOT, Stage, free_port, load, run_pgbench

SECONDS = 6.0
READERS = 1_000  # enough that no limit of one reader (50 requests a second) is what is measured

INSERT = """
\\set reader random(1, 400)
INSERT INTO bench_tap (reader_id, nonce, card, read_at) VALUES (:reader, gen_random_uuid(), '04A1B2C3', now());
"""
BENCH_TABLES = """
DROP TABLE IF EXISTS bench_tap;
CREATE TABLE bench_tap (
    id bigserial PRIMARY KEY, reader_id int NOT NULL, nonce uuid NOT NULL UNIQUE, card text NOT NULL,
    read_at timestamptz NOT NULL, received_at timestamptz NOT NULL DEFAULT now()
);
"""


def figures(stage: Stage) -> list[Figure]:
    """Both sizes of request, each beside its references."""
    keys = prepare(stage)
    port = free_port()
    url = stage.environment["DATABASE_URL"]

    def single() -> float:
        with stage.process("-m", "gatepost", "gate", "--port", str(port), port=port):
            return float(load(port, keys, seconds=SECONDS)["rate"])

    def batches() -> float:
        # Fifty lines are work for the gate itself: two processes share it on two cores. One tap waits for commits.
        with stage.process("-m", "gatepost", "gate", "--port", str(port), "--workers", "2", port=port):
            return 50 * float(load(port, keys, seconds=SECONDS, taps=50)["rate"])

    value, reference, ratio = in_turn(single, lambda: run_pgbench(url, INSERT, clients=64, seconds=SECONDS))
    rows = [
        Figure(
            "taps_single", value, "requests/s", "pgbench, one prepared insert, 64 clients", reference, ratio, 0.7, 1.0
        )
    ]
    value, reference, ratio = in_turn(single, lambda: plain_django(stage, keys))
    rows.append(
        Figure("taps_django", value, "requests/s", "a plain Django view with one INSERT", reference, ratio, 6, 10)
    )
    return rows + copying.beside(batches, url, name="taps_batch", must=0.2, aim=0.35)


def prepare(stage: Stage) -> Path:
    """A school with `READERS` readers; the file with their keys."""
    stage.fresh("bench_intake")
    stage.use("bench_intake")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from gatepost.gates import keys
    from gatepost.gates.models import Gate
    from gatepost.kit.clock import utc_now
    from gatepost.roster.models import District, School

    district = District.objects.create(code="35", name="中正區", name_en="Zhongzheng", postal_code="100")
    lines = []
    for number in range(20):
        school = School.objects.create(
            code=f"9{number:05d}", name="試驗國小", short_name="試驗國小", district=district, level="elementary"
        )
        gate = Gate.objects.create(school=school, name="南門")
        lines += [keys.enrol(gate, f"{n}", by=None, now=utc_now())[1] for n in range(READERS // 20)]
    with psycopg.connect(stage.environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(BENCH_TABLES)
    file = FOLDER / "keys"
    file.write_text("\n".join(lines))
    return file


def plain_django(stage: Stage, keys: Path) -> float:
    """The same request to a view as anybody would write it first: parse, INSERT, answer. Two workers of granian."""
    port = free_port()
    with stage.process(
        "-m", "granian", "--interface", "wsgi", "--port", str(port), "--workers", "2", "--no-ws",
        "--blocking-threads", "4", "bench.plain:application", port=port, PYTHONPATH=str(ROOT),
    ):  # fmt: skip
        return float(load(port, keys, seconds=SECONDS, path="/taps")["rate"])
