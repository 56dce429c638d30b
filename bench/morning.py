"""A city's morning: every student taps once, the readers hand in fifty a request, and the worker's loops follow."""

import random
import subprocess
import sys
import time

import psycopg

from bench import city
from bench.city import READERS_PER_SCHOOL, STUDENTS_PER_SCHOOL, City
from bench.figures import Figure
from bench.follow import follow
from bench.stage import FOLDER, ROOT, Stage, free_port, today

TAPS_A_REQUEST = 50


def figures(stage: Stage) -> list[Figure]:
    """Seconds from the first request until every notice is queued. Mails are sent by another worker: see `mails`."""
    return [figure(stage, City())]


def figure(stage: Stage, where: City) -> Figure:
    """The same for a city of any size; the bounds are those of 300,000 students."""
    url = city.ready(stage, where, today=today())
    port = free_port()
    plan, log = FOLDER / "morning.plan", FOLDER / "morning.log"
    plan.write_text("\n".join(f"{key} {','.join(cards)}" for key, cards in requests(where)))
    with stage.process("-m", "gatepost", "gate", "--port", str(port), port=port):
        begin = time.perf_counter()
        readers = subprocess.Popen(
            [sys.executable, "-m", "bench.readers", "--port", str(port), "--plan", plan, "--log", log], cwd=ROOT
        )
        follow(url, where.students)
        took = time.perf_counter() - begin
        if readers.wait(30):
            raise RuntimeError("the readers could not hand in everything")
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM notify_notice WHERE on_date = %s", [today()]).fetchone()
    if row is None or row[0] != where.students:
        raise RuntimeError(f"{row} notices of {where.students} students")
    return Figure("morning", took, "s", must=40, aim=20, lower_is_better=True)


def requests(where: City) -> list[tuple[str, list[str]]]:
    """Every student's card once, at a reader of the school, in an order as mixed as a morning's."""
    mixed = random.Random(1)  # noqa: S311 - the same every time
    by_reader: dict[int, list[str]] = {}
    for student in range(where.students):
        school = student // STUDENTS_PER_SCHOOL
        reader = school * READERS_PER_SCHOOL + student % READERS_PER_SCHOOL
        by_reader.setdefault(reader, []).append(city.card_of(student))
    found = []
    for reader, cards in by_reader.items():
        mixed.shuffle(cards)
        found += [
            (city.reader_key(reader), cards[start : start + TAPS_A_REQUEST])
            for start in range(0, len(cards), TAPS_A_REQUEST)
        ]
    mixed.shuffle(found)
    return found
