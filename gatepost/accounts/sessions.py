"""Sessions as Django keeps them in the database. What every request asks, which session it is, goes by a kept plan."""

from datetime import UTC, datetime

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from gatepost.accounts.models import Device
from gatepost.kit.questions import Question

_COLUMNS = ("session_key", "session_data", "expire_date")


class SessionStore(db.SessionStore):
    """Django's, but for the look-up; and a device keeps its place in the list when its session gets another key."""

    seen_at: datetime | None = None  # when the device was used last, as far as it was written down

    def _get_session_from_db(self) -> Session | None:
        rows = _FOUND.rows(key=self.session_key, now=timezone.now())
        if rows:
            *columns, self.seen_at = rows[0]
            found: Session = Session.from_db("default", _COLUMNS, columns)
            return found
        self._session_key = None
        return None

    def cycle_key(self) -> None:
        """Django's: another key for the same content."""
        with transaction.atomic():
            device = Device.objects.filter(session=self.session_key).first() if self.session_key else None
            super().cycle_key()
            if device is not None:
                device.session_id = str(self.session_key)
                device.save(force_insert=True)


_FOUND = Question(
    lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now).values_list(
        *_COLUMNS, "device__last_seen_at"
    ),
    key="key",
    now=datetime(2000, 1, 1, tzinfo=UTC),
)
