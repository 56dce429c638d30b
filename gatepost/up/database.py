"""Questions to the database before Gatepost works on it."""

import psycopg

from gatepost.up.trouble import StartError

VERSION_MIN = 15
CONNECT_SECONDS_MAX = 10


def require_usable(url: str) -> str:
    """Raise `StartError` with one line unless the database answers, is new enough and speaks UTF-8; says what it is."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS_MAX) as database:
            version, encoding = database.info.server_version, database.info.parameter_status("server_encoding")
            name = database.info.dbname
    except psycopg.Error as error:
        raise StartError(f"The database of DATABASE_URL does not answer: {first_line(error)}") from error
    if version // 10_000 < VERSION_MIN:
        raise StartError(f"The database is PostgreSQL {version // 10_000}; Gatepost needs {VERSION_MIN} or newer.")
    if encoding != "UTF8":
        raise StartError(f"The database {name} is kept in {encoding}; Gatepost needs one in UTF8.")
    return f"{name}, PostgreSQL {version // 10_000}.{version % 10_000}, {encoding}"


def pending_migrations() -> int:
    """How many migrations the database lacks. Django must be set up."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def require_fitting_keys() -> bool:
    """Raise `StartError` when our keys do not open what the database holds; false when it holds nothing sealed yet.

    New values sealed with a strange key would make two halves of which each key opens one. Django must be set up.
    """
    from django.conf import settings

    from gatepost.kit.sealed import SealError
    from gatepost.roster.models import Student

    student = Student.objects.exclude(id_number_sealed=None).first()
    if student is None:
        return False
    try:
        number = student.open_id_number(settings.KEY_RING)
    except SealError as error:
        raise StartError(f"GATEPOST_SEAL_KEYS are not the keys of this database ({error}).") from error
    if bytes(student.id_number_digest or b"") != settings.KEY_RING.digest(number or ""):
        raise StartError("GATEPOST_DIGEST_KEY is not the key of this database.")
    return True


def first_line(error: Exception) -> str:
    """What an error says, without the rest."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
