"""An invented city of any size, built by the database itself and kept in `var/bench` between runs.

Students, cards, readers, guardians with addresses and subscriptions, a school year's calendar, and as much history as
asked for: a row for each student and school day, and for the running month also the events, notices and deliveries
behind them, so that the partitions and indexes that a morning writes to are as full as they would be.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from bench.stage import FOLDER, Stage

VERSION = 7  # of what is built here: another one builds anew
CITY_SCHOOLS = 280
STUDENTS_PER_SCHOOL = 1_072  # 300,160 in 280 schools
READERS_PER_SCHOOL = 4
YEAR = 200  # school days


@dataclass(frozen=True)
class City:
    """`schools` schools with `history` school days behind them."""

    schools: int = CITY_SCHOOLS
    history: int = YEAR

    @property
    def database(self) -> str:
        return f"bench_city_{self.schools}_{self.history}"

    @property
    def students(self) -> int:
        return self.schools * STUDENTS_PER_SCHOOL

    @property
    def keys(self) -> Path:
        """The file with the keys of its readers, school by school."""
        return FOLDER / f"keys-{self.schools}"


def ready(stage: Stage, city: City, *, today: date) -> str:
    """`city` with every table migrated, Django set up on it and a clean `today` and tomorrow; its URL.

    For a process that has not set up Django yet.
    """
    url = stage.url(city.database)
    known = stage.exists(city.database) and _mark(url) == _wanted(city)
    if not known:
        stage.fresh(city.database)
    stage.use(city.database)
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    with psycopg.connect(url, autocommit=True) as connection:
        if not known:
            _build(connection, city, today)
        city.keys.write_text("\n".join(reader_key(n) for n in range(city.schools * READERS_PER_SCHOOL)))
        clean(connection, today)
    return url


def clean(connection: psycopg.Connection[Any], today: date) -> None:
    """Nothing has happened on `today` and the days after it, all of which are school days; readers are well."""
    for table, column in _DATED.items():
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE {} >= %s").format(sql.Identifier(table), sql.Identifier(column)), [today]
        )
    connection.execute("TRUNCATE gates_tapqueue")
    connection.execute("DELETE FROM attendance_sweep WHERE date >= %s", [today])
    connection.execute(
        "UPDATE attendance_schoolday SET kind = 'school' WHERE date BETWEEN %s AND %s",
        [today, today + timedelta(days=14)],
    )
    connection.execute("UPDATE gates_readerhealth SET heard_at = now(), sent_at = now(), queue = 0, skew_ms = 0")
    for table in (*_DATED, "gates_readerhealth", "attendance_schoolday"):
        connection.execute(sql.SQL("VACUUM (ANALYZE, PARALLEL 0) {}").format(sql.Identifier(table)))


def reader_key(number: int) -> str:
    """The key of the reader `number`, which opens nothing but the bench."""
    return f"gpr_bench{number:06d}"


def card_of(student: int) -> str:
    """The card of the student `number`, as readers write it."""
    return f"{student + 0x10000000:08X}"


# The month of a tap follows its own time, so its day does, too, as far as the bench is concerned.
_DATED = {
    "gates_tap": "tapped_at",
    "attendance_event": "date",
    "attendance_day": "date",
    "notify_notice": "on_date",
    "notify_delivery": "on_date",
}


def _wanted(city: City) -> str:
    return f"{VERSION} {city.schools} {city.history}"


def _mark(url: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    return str(row[0]) if row else ""


def _build(connection: psycopg.Connection[Any], city: City, today: date) -> None:
    connection.execute("SET maintenance_work_mem = '512MB'")
    connection.execute("SET work_mem = '128MB'")
    connection.execute("SET synchronous_commit = off")
    digests = [hashlib.sha256(reader_key(n).encode()).digest() for n in range(city.schools * READERS_PER_SCHOOL)]
    values = {"schools": city.schools, "per_school": STUDENTS_PER_SCHOOL, "today": today}
    for statement in _PEOPLE.split(";\n"):
        connection.execute(statement, values)
    connection.execute(_READERS, {"digests": digests, "per_school": READERS_PER_SCHOOL})
    connection.execute("ANALYZE")
    _history(connection, school_days(city.history, before=today), today)
    connection.execute("VACUUM (ANALYZE)")
    comment = sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(city.database), sql.Literal(_wanted(city)))
    connection.execute(comment)


def school_days(number: int, *, before: date) -> list[date]:
    """The last `number` days from Monday to Friday before a date."""
    days: list[date] = []
    day = before
    while len(days) < number:
        day -= timedelta(days=1)
        if day.isoweekday() <= 5:
            days.append(day)
    return days[::-1]


def _history(connection: psycopg.Connection[Any], days: list[date], today: date) -> None:
    """Days for the whole time; for the running month also what is behind them. Indexes come after the rows."""
    months = sorted({day.replace(day=1) for day in days})
    for month in months:
        within = [day for day in days if day.replace(day=1) == month]
        _fill(connection, "attendance_day", month, _DAYS, within)
        if month == today.replace(day=1):
            _fill(connection, "attendance_event", month, _EVENTS, within)
            _fill(connection, "notify_notice", month, _NOTICES, within)
            _fill(connection, "notify_delivery", month, _DELIVERIES, within)


def _fill(connection: psycopg.Connection[Any], table: str, month: date, statement: str, days: list[date]) -> None:
    following = (month + timedelta(days=32)).replace(day=1)
    name = f"{table}_{month:%Y_%m}"
    names = {"part": sql.Identifier(name), "table": sql.Identifier(table)}
    bounds = {"first": sql.Literal(month), "last": sql.Literal(following)}
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {part}").format(**names))
    connection.execute(
        sql.SQL("CREATE TABLE {part} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(**names)
    )
    connection.execute(sql.SQL(statement).format(**names), {"days": days})
    connection.execute(
        sql.SQL("ALTER TABLE {table} ATTACH PARTITION {part} FOR VALUES FROM ({first}) TO ({last})").format(
            **names, **bounds
        )
    )


# Students have ids in the order of an import, families in none.
_PEOPLE = """
INSERT INTO roster_district (code, name, name_en, postal_code)
SELECT lpad(n::text, 2, '0'), '第' || n || '區', 'District ' || n, (100 + n)::text FROM generate_series(1, 12) n;

INSERT INTO roster_school (id, code, name, short_name, district_id, level, domain, timezone, opened_at)
SELECT n, '9' || lpad(n::text, 5, '0'), '第' || n || '國民小學', '第' || n || '國小', lpad((1 + n %% 12)::text, 2, '0'),
    'elementary', '', 'Asia/Taipei', now() - interval '2 years'
FROM generate_series(1, %(schools)s) n;

INSERT INTO roster_schoolyear (year, starts_on, ends_on) VALUES (115, '2026-08-01', '2027-07-31');

INSERT INTO roster_schoolclass (id, school_id, school_year_id, stage, grade, number, name, source_id)
SELECT school * 42 + n, school, 115, 'elementary', 1 + n / 7, 1 + n %% 7, (1 + n / 7) || '年' || (1 + n %% 7) || '班',
    ''
FROM generate_series(1, %(schools)s) school, generate_series(0, 41) n;

CREATE UNLOGGED TABLE bench_student AS
SELECT row_number() OVER (ORDER BY school, n) - 1 AS serial, school, n, uuidv7() AS id,
    substr('陳林黃張李王吳劉蔡楊許鄭謝洪郭', 1 + (school * 7 + n) %% 15, 1)
        || substr('怡家志淑俊雅冠宗承柏宥品子欣詩', 1 + (school + n * 3) %% 15, 1)
        || substr('君豪芬傑婷宇翰恩睿妤晴涵安瑄皓', 1 + (school * 3 + n * 11) %% 15, 1) AS name
FROM generate_series(1, %(schools)s) school, generate_series(0, %(per_school)s - 1) n;

INSERT INTO roster_student (id, school_id, number, name, stage, grade, school_class_id, seat, study_state, source_id)
SELECT id, school, (110000 + n)::text, name, 'elementary', 1 + (n %% 42) / 7, school * 42 + n %% 42, 1 + n / 42,
    'enrolled', 'student-' || serial
FROM bench_student;

INSERT INTO cards_card (uid, student_id, issued_at, ended_as)
SELECT upper(lpad(to_hex(268435456 + serial), 8, '0')), id, now() - interval '1 year', '' FROM bench_student;

CREATE UNLOGGED TABLE bench_guardian AS
SELECT gen_random_uuid() AS id, serial AS student, 0 AS nth FROM bench_student WHERE serial %% 5 < 4
UNION ALL SELECT gen_random_uuid(), serial, 1 FROM bench_student WHERE serial %% 3 = 0;

INSERT INTO accounts_account (id, password, is_superuser, email, name, language, is_active, is_staff)
SELECT id, '!', false, 'guardian' || student || '-' || nth || '@example.org', '林淑芬',
    (ARRAY['zh-hant', 'zh-hant', 'zh-hant', 'zh-hant', 'zh-hant', 'zh-hant', 'en', 'vi', 'id'])[1 + student %% 9],
    true, false
FROM bench_guardian;

CREATE UNLOGGED TABLE bench_bond AS
SELECT guardian.id AS account, student.id AS student
FROM bench_guardian guardian
JOIN bench_student student ON student.serial = guardian.student
UNION ALL
SELECT guardian.id, sibling.id
FROM bench_guardian guardian
JOIN bench_student sibling ON sibling.serial = guardian.student + 1
WHERE guardian.nth = 0 AND guardian.student %% 5 = 3;

INSERT INTO guardians_guardianship (account_id, student_id, relation, source, verified_at)
SELECT account, student, '母', 'bench', now() - interval '1 year' FROM bench_bond;

INSERT INTO notify_recipient (account_id, about) SELECT account, student FROM bench_bond;

INSERT INTO notify_address (account_id, channel, target, verified_at, disabled_because)
SELECT id, 'email', 'guardian' || student || '-' || nth || '@example.org', now() - interval '1 year', ''
FROM bench_guardian;

INSERT INTO notify_subscription (recipient_id, topic, address_id)
SELECT recipient.id, topic, address.id
FROM notify_recipient recipient JOIN notify_address address ON address.account_id = recipient.account_id,
    unnest(ARRAY['arrived', 'left', 'not_arrived']) topic;

INSERT INTO attendance_schoolday (school_id, grade, date, kind, name)
SELECT school, grade, day, CASE WHEN extract(isodow FROM day) < 6 THEN 'school' ELSE 'holiday' END, ''
FROM generate_series(1, %(schools)s) school, generate_series(1, 6) grade,
    generate_series(%(today)s::date - 330, %(today)s::date + 60, interval '1 day') day;

INSERT INTO attendance_timetable (school_id, grade, weekday, leave_from)
SELECT school, grade, weekday, CASE WHEN weekday = 3 OR grade < 3 THEN time '12:00' ELSE time '15:30' END
FROM generate_series(1, %(schools)s) school, generate_series(1, 6) grade, generate_series(1, 5) weekday;

INSERT INTO attendance_sweep (school_id, date, asked_at, held_because, held_facts, decided_at, expected, missing)
SELECT school, %(today)s::date - back, now() - back * interval '1 day', '', '{}', now() - back * interval '1 day',
    %(per_school)s, %(per_school)s / 40
FROM generate_series(1, %(schools)s) school, generate_series(1, 40) back;

INSERT INTO announcements_announcement (school_id, kind, title, body, important, published_at)
SELECT nullif(n %% (%(schools)s + 1), 0), 'news', '第' || n || '號公告', '請帶健康紀錄卡。', n %% 10 = 0,
    now() - n %% 300 * interval '1 day'
FROM generate_series(0, %(schools)s * 5 + 30) n;

INSERT INTO gates_gate (id, school_id, name)
SELECT school * 2 + n, school, (ARRAY['南門', '北門'])[1 + n]
FROM generate_series(1, %(schools)s) school, generate_series(0, 1) n
"""

_READERS = """
WITH put_up AS (
    INSERT INTO gates_reader (id, school_id, gate_id, name, key_digest, card_rule)
    SELECT gen_random_uuid(), 1 + (n - 1) / %(per_school)s, (1 + (n - 1) / %(per_school)s) * 2 + n %% 2,
        (1 + (n - 1) %% %(per_school)s) || ' 號機', digest, '{}'
    FROM unnest(%(digests)s::bytea[]) WITH ORDINALITY AS t(digest, n)
    RETURNING id
)
INSERT INTO gates_readerhealth (reader_id, heard_at, sent_at, queue, skew_ms)
SELECT id, now(), now(), 0, 0 FROM put_up
"""

# In the order of their key, as a morning after morning would leave them.
_DAYS = """
INSERT INTO {part} (school_id, date, student_id, arrived_at, arrived_event_id, left_at, left_event_id, seen_at)
SELECT student.school, day, student.id, arrived, serial, day + time '08:00', serial, arrived
FROM unnest(%(days)s::date[]) day, bench_student student,
    LATERAL (SELECT (day + time '23:20' - interval '1 day' + student.serial %% 2400 * interval '1 second')
        AT TIME ZONE 'UTC' AS arrived) t
WHERE (serial + extract(day FROM day)::int) %% 40 <> 0
"""

_EVENTS = """
INSERT INTO {part} (school_id, date, student_id, at, side, sure, source, reader_id, nonce, recorded_at)
SELECT day.school_id, day.date, day.student_id, at, side, false, 'card', reader.id, gen_random_uuid(), at
FROM attendance_day day
JOIN LATERAL (VALUES (arrived_at, 'in'), (left_at, 'out')) AS t(at, side) ON true
JOIN LATERAL (SELECT id FROM gates_reader WHERE school_id = day.school_id LIMIT 1) reader ON true
WHERE day.date = ANY(%(days)s)
"""

_NOTICES = """
INSERT INTO {part} (on_date, key, topic, about, data, posted_at, best_before)
SELECT date, 'arrived:' || student_id || ':' || date, 'arrived', student_id,
    jsonb_build_object('student', student.name, 'school', '第一國小', 'timezone', 'Asia/Taipei', 'at', arrived_at,
        'source', 'card', 'place', '南門 2 號機'),
    arrived_at, arrived_at + interval '1 hour'
FROM attendance_day JOIN bench_student student ON student.id = student_id
WHERE date = ANY(%(days)s)
"""

_DELIVERIES = """
INSERT INTO {part} (on_date, notice_id, address_id, account_id, about, channel, state, due_at, attempts, response,
    settled_at)
SELECT on_date, notice.id, address.id, recipient.account_id, notice.about, 'email', 'sent', posted_at, 1,
    '2.0.0 Ok: queued as 4Zx1', posted_at
FROM notify_notice notice
JOIN notify_recipient recipient ON recipient.about = notice.about
JOIN notify_address address ON address.account_id = recipient.account_id
WHERE on_date = ANY(%(days)s)
"""
