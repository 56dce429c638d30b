"""Sessions as Django keeps them in the database. What every request asks, which session it is, goes by a kept plan."""

from datetime import UTC, datetime

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from gatepost.kit.questions import Question

_COLUMNS = ("session_key", "session_data", "expire_date")


class SessionStore(db.SessionStore):
    """Django's, but for the look-up."""

    def _get_session_from_db(self) -> Session | None:
        rows = _FOUND.rows(key=self.session_key, now=timezone.now())
        if rows:
            found: Session = Session.from_db("default", _COLUMNS, rows[0])
            return found
        self._session_key = None
        return None


_FOUND = Question(
    lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now).values_list(*_COLUMNS),
    key="key",
    now=datetime(2000, 1, 1, tzinfo=UTC),
)
