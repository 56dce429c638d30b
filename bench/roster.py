"""A city's roster from a OneRoster package: the first time, and unchanged again, as `gatepost import` does it."""

import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.city import CITY_SCHOOLS, STUDENTS_PER_SCHOOL
from bench.figures import Figure
from bench.stage import FOLDER, ROOT, Stage

DATABASE = "bench_import"
STUDENTS = CITY_SCHOOLS * STUDENTS_PER_SCHOOL
CLASSES = 42  # a school
Cells = tuple[object, ...]

SCHOOLS = """
INSERT INTO roster_district (code, name, name_en, postal_code) VALUES ('01', '松山區', 'Songshan', '105');
INSERT INTO roster_school (code, name, short_name, district_id, level, domain, timezone)
SELECT '9' || lpad(n::text, 5, '0'), '第' || n || '國民小學', '第' || n || '國小', '01', 'elementary', '', 'Asia/Taipei'
FROM generate_series(1, 280) n;
"""


def figures(stage: Stage) -> list[Figure]:
    """Seconds beside a COPY of the same rows into bare tables, and the most memory the process took."""
    package = packed()
    stage.fresh(DATABASE)
    stage.use(DATABASE)
    subprocess.run(
        [sys.executable, "-m", "gatepost", "django", "migrate", "-v0"], check=True, cwd=ROOT, env=_env(stage)
    )
    with psycopg.connect(stage.url(DATABASE), autocommit=True) as connection:
        connection.execute(SCHOOLS)
        copied = _copy(connection, package)
        first = _import(stage, package)
        again = _import(stage, package)
        row = connection.execute(
            "SELECT (SELECT count(*) FROM roster_student), (SELECT count(*) FROM roster_guardianrecord)"
        ).fetchone()
    if row is None or row[0] != STUDENTS or row[1] < STUDENTS:
        raise RuntimeError(f"{row} students and guardians were imported")
    stage.drop(DATABASE)
    return [
        Figure(
            "import_first", first.seconds, "s", f"s, COPY ({first.seconds / copied:.0f} ×)", copied, None, 90, 45, True
        ),
        Figure(
            "import_again", again.seconds, "s", f"s, COPY ({again.seconds / copied:.0f} ×)", copied, None, 30, 15, True
        ),
        Figure("import_memory", max(first.mebibytes, again.mebibytes), "MiB", must=600, aim=300, lower_is_better=True),
    ]


@dataclass(frozen=True)
class Run:
    """One run of the command."""

    seconds: float
    mebibytes: float


def _env(stage: Stage) -> dict[str, str]:
    return {**os.environ, **stage.environment}


def _import(stage: Stage, package: Path) -> Run:
    command = [sys.executable, "-m", "gatepost", "import", str(package), "--apply", "--json"]
    begin = time.perf_counter()
    with (FOLDER / "import.log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env=_env(stage))
        _, status, usage = os.wait4(running.pid, 0)
    if status:
        raise RuntimeError(f"the import failed, see {FOLDER / 'import.log'}")
    return Run(time.perf_counter() - begin, usage.ru_maxrss / 1024)


def _copy(connection: psycopg.Connection[tuple[object, ...]], package: Path) -> float:
    """Seconds to COPY the files of the package, as text, into tables without an index."""
    begin = time.perf_counter()
    for file in sorted(package.glob("*.csv")):
        with file.open("rb") as rows:
            header = rows.readline().decode().strip().split(",")
            columns = ", ".join(f'"{name}" text' for name in header)
            connection.execute(f"CREATE TABLE bench_{file.stem} ({columns})".encode())
            with connection.cursor().copy(f"COPY bench_{file.stem} FROM STDIN (FORMAT csv)".encode()) as copy:
                while data := rows.read(1 << 20):
                    copy.write(data)
    return time.perf_counter() - begin


def packed() -> Path:
    """The package, written once and kept."""
    folder = FOLDER / f"oneroster-{STUDENTS}"
    if not (folder / "manifest.csv").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name, (header, rows) in _FILES.items():
            _write(folder / f"{name}.csv", header, rows())
        told = {f"file.{name}": "bulk" if name in _FILES else "absent" for name in (*_FILES, "courses")}
        rows = [("manifest.version", "1.0"), ("oneroster.version", "1.2"), *told.items()]
        _write(folder / "manifest.csv", "propertyName,value", rows)
    return folder


def _write(file: Path, header: str, rows: Iterator[Cells] | list[Cells] | list[tuple[str, str]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text)
        writer.writerow(header.split(","))
        writer.writerows(rows)


def _orgs() -> Iterator[Cells]:
    for school in range(1, CITY_SCHOOLS + 1):
        yield f"org{school}", f"第{school}國民小學", "school", f"9{school:05d}"


def _sessions() -> Iterator[Cells]:
    yield "y115", "115學年度", "schoolYear", "2026-08-01", "2027-07-31", "2027"


def _classes() -> Iterator[Cells]:
    for school in range(1, CITY_SCHOOLS + 1):
        for number in range(CLASSES):
            title = f"{number // 7 + 1}年{number % 7 + 1:02d}班"
            yield f"c{school}-{number}", title, f"{number // 7 + 1:02d}", "homeroom", "homeroom", f"org{school}", "y115"


def _guardians(student: int) -> list[str]:
    """One, and a second for every third: 400,000 of 300,000."""
    return [f"g{student}-0", *([f"g{student}-1"] if student % 3 == 0 else [])]


def _users() -> Iterator[Cells]:
    from gatepost.roster.identity_numbers import invented

    serial = 0
    for student in range(STUDENTS):
        serial += 1
        given = "怡家志淑俊雅冠宗承柏"[student % 10] + "君豪芬傑婷宇翰恩睿妤"[student // 10 % 10]
        ids, agents = f"{{idno:{invented(serial)}}}", ",".join(_guardians(student))
        number = f"{110000 + student % STUDENTS_PER_SCHOOL}"
        yield f"s{student}", "true", f"s{student}", ids, given, "陳林黃張李"[student % 5], number, "", "", agents, ""
        for nth, guardian in enumerate(_guardians(student)):
            serial += 1
            mail, mobile = f"{guardian}@example.org", f"0912{serial % 1_000_000:06d}"
            ids, relation = f"{{idno:{invented(serial)}}}", ("母子", "父子")[nth]
            yield guardian, "true", guardian, ids, "淑芬", "林吳"[nth], "", mail, mobile, "", relation


def _roles() -> Iterator[Cells]:
    for student in range(STUDENTS):
        org = f"org{student // STUDENTS_PER_SCHOOL + 1}"
        yield f"rs{student}", f"s{student}", "primary", "student", org
        for guardian in _guardians(student):
            yield f"r{guardian}", guardian, "primary", "guardian", org


def _enrollments() -> Iterator[Cells]:
    for student in range(STUDENTS):
        school, within = divmod(student, STUDENTS_PER_SCHOOL)
        class_ = f"c{school + 1}-{within % CLASSES}"
        yield f"e{student}", class_, f"org{school + 1}", f"s{student}", "student", within // CLASSES + 1


def _demographics() -> Iterator[Cells]:
    for student in range(STUDENTS):
        yield f"s{student}", f"{2014 + student % 6}-{student % 12 + 1:02d}-{student % 28 + 1:02d}"


_FILES: dict[str, tuple[str, Callable[[], Iterator[Cells]]]] = {
    "orgs": ("sourcedId,name,type,identifier", _orgs),
    "academicSessions": ("sourcedId,title,type,startDate,endDate,schoolYear", _sessions),
    "classes": ("sourcedId,title,grades,courseSourcedId,classType,schoolSourcedId,termSourcedIds", _classes),
    "users": (
        "sourcedId,enabledUser,username,userIds,givenName,familyName,identifier,email,sms,agentSourcedIds,"
        "metadata.relation",
        _users,
    ),
    "roles": ("sourcedId,userSourcedId,roleType,role,orgSourcedId", _roles),
    "enrollments": ("sourcedId,classSourcedId,schoolSourcedId,userSourcedId,role,metadata.seat", _enrollments),
    "demographics": ("sourcedId,birthDate", _demographics),
}
