"""Connections to PostgreSQL that notice when the other end has vanished without a word, in about twenty seconds."""

from psycopg.conninfo import conninfo_to_dict, make_conninfo

NOTICE_SILENCE: dict[str, int] = {
    "connect_timeout": 5,  # seconds, as the others but the last
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,  # milliseconds
}
"""Options of libpq. Over a local socket they mean nothing."""


def noticing_silence(database_url: str) -> str:
    """How to connect to `database_url` with those options; what it says itself stays."""
    return make_conninfo("", **{**NOTICE_SILENCE, **conninfo_to_dict(database_url)})
