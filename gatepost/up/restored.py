"""What a restored database must be told: it has forgotten what came after the backup, and the world has not.

Statements for the transaction that restores, about tables of several rooms; each says what would go wrong without it.
"""

from datetime import datetime

from psycopg import sql

from gatepost.up.backup import COUNTED, LEFT_OUT

# Numbers of these rows have left the house, in return addresses and in links of mails. Those given out after the
# backup are unknown here and must never name another row: a late bounce would switch off a stranger's address.
NUMBERS_OUTSIDE = ("notify_delivery", "notify_notice", "notify_address", "attendance_event")
NUMBERS_SKIPPED = 1_000_000_000

COUNT = """
DO $$ BEGIN
    IF (SELECT count(*) FROM {table}) <> {count} THEN RAISE EXCEPTION 'rows are missing in %', {name}; END IF;
END $$;
"""
SKIP_NUMBERS = "SELECT setval(pg_get_serial_sequence({name}, 'id'), coalesce(max(id), 0) + {skipped}) FROM {table};\n"
EMPTY = "TRUNCATE {tables};\n"  # together: they may point to each other

# An import is undone by comparing transaction numbers. Every row has another one now, which by chance could be equal.
FORGET_MARKS = "UPDATE roster_import SET mark = '' WHERE mark <> '';\n"

# The sender does not look at old days, where these would wait for ever.
SETTLE_STALE = """
UPDATE notify_delivery delivery SET state = 'dropped', because = 'stale', settled_at = now()
FROM notify_notice notice
WHERE delivery.state IN ('queued', 'sending') AND notice.id = delivery.notice_id
  AND notice.on_date = delivery.on_date AND notice.best_before <= now();
"""

# Taps of today that were acknowledged after the backup are missing until their readers send them again, and nobody
# can know when all have. Silence about a student is no fact today: people decide.
HOLD_TODAY = """
INSERT INTO attendance_sweep AS sweep
    (school_id, date, asked_at, held_at, held_because, held_facts, expected, missing)
SELECT school.id, (now() AT TIME ZONE school.timezone)::date, now(), now(), 'restored',
    jsonb_build_object('since', {made_at}::text), 0, 0
FROM roster_school school WHERE school.opened_at IS NOT NULL
ON CONFLICT (school_id, date) DO UPDATE
    SET held_at = excluded.held_at, held_because = excluded.held_because, held_facts = excluded.held_facts
    WHERE sweep.decided_at IS NULL;
"""

NOTE = """
INSERT INTO audit_entry (action, school_code, facts)
VALUES ('database:restored', '', jsonb_build_object('as_of', {made_at}::text));
"""


def before(*, replace: bool) -> str:
    """What comes before the dump. The transaction ends only where `after` says so; until then nothing has happened."""
    clear = "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC;\n"
    return "BEGIN;\nSET LOCAL lock_timeout = '10s';\nSET LOCAL client_min_messages = warning;\n" + clear * replace


def after(*, made_at: datetime, counts: dict[str, int]) -> str:
    """What comes after it: the rows are counted, the statements of this module follow, and it is committed."""
    parts: list[sql.Composable] = [sql.SQL("SET LOCAL search_path = public;\n")]
    parts += [
        sql.SQL(COUNT).format(table=sql.Identifier(table), name=sql.Literal(table), count=sql.Literal(counts[name]))
        for name, table in COUNTED.items()
    ]
    parts.append(sql.SQL(EMPTY).format(tables=sql.SQL(", ").join(map(sql.Identifier, LEFT_OUT))))
    parts += [
        sql.SQL(SKIP_NUMBERS).format(
            table=sql.Identifier(table), name=sql.Literal(table), skipped=sql.Literal(NUMBERS_SKIPPED)
        )
        for table in NUMBERS_OUTSIDE
    ]
    told = sql.Literal(made_at.isoformat())
    parts += [sql.SQL(text).format(made_at=told) for text in (FORGET_MARKS, SETTLE_STALE, HOLD_TODAY, NOTE)]
    return sql.Composed(parts).as_string() + "COMMIT;\n"
