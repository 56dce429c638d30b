"""Tap to mail server: 200 taps a second for two minutes through the real gate, worker and SMTP."""

import os
import subprocess
import sys
import time
from pathlib import Path

from bench import city
from bench.city import READERS_PER_SCHOOL, STUDENTS_PER_SCHOOL, City
from bench.figures import Figure
from bench.stage import FOLDER, ROOT, Stage, free_port, today

PER_SECOND = 200
SECONDS = int(os.environ.get("BENCH_LATENCY_SECONDS", "120"))


def figures(stage: Stage) -> list[Figure]:
    """The 99th percentile from a reader's first byte to the mail server's line for the recipient."""
    city.ready(stage, City(), today=today())
    port, smtp = free_port(), free_port()
    plan, sent, taken = (FOLDER / f"latency.{name}" for name in ("plan", "sent", "taken"))
    students = [n for n in range(City().students) if n % 5 < 3][::7][: PER_SECOND * SECONDS]
    plan.write_text("\n".join(f"{_key(student)} {city.card_of(student)}" for student in students))
    with (
        stage.process("-m", "bench.clocked_sink", "--port", str(smtp), "--log", str(taken), port=smtp),
        stage.process("-m", "gatepost", "gate", "--port", str(port), port=port),
        stage.process("-m", "gatepost", "worker", GATEPOST_SMTP_PORT=str(smtp)),
    ):
        time.sleep(5)  # the worker is up
        command = [sys.executable, "-m", "bench.readers", "--port", str(port), "--plan", plan, "--log", sent]
        subprocess.run([*command, "--per-second", str(PER_SECOND)], check=True, cwd=ROOT)
        time.sleep(5)
    waits = sorted(_waits(students, sent, taken))
    p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
    return [
        Figure("latency", p99, "s (p99)", must=2.0, aim=0.5, lower_is_better=True),
        Figure("latency_median", p50, "s (p50)", lower_is_better=True),
    ]


def _key(student: int) -> str:
    return city.reader_key(student // STUDENTS_PER_SCHOOL * READERS_PER_SCHOOL + student % READERS_PER_SCHOOL)


def _waits(students: list[int], sent: Path, taken: Path) -> list[float]:
    """Seconds for each tap; one whose mail never came counts as an hour."""
    handed = dict(line.split(" ") for line in sent.read_text().splitlines())
    mails = dict(line.split(" ") for line in taken.read_text().splitlines())
    never = float(handed[city.card_of(students[0])]) + 3600
    return [
        float(mails.get(f"guardian{student}-0@example.org", never)) - float(handed[city.card_of(student)])
        for student in students
    ]
