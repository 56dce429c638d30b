"""Whether the system is alive, whether it can do its work, and its figures: for the machines that watch over it."""

from datetime import datetime
from hmac import compare_digest
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.gates import queries as gates
from gatepost.notify import queries as notify
from gatepost.portals.moment import now_of
from gatepost.watch import beats

# What has waited longer means that the worker does not keep up, or does not run.
LATE_SECONDS = 60


@open_to(PUBLIC)
@require_safe
@never_cache
def alive(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return JsonResponse({"alive": True})


@open_to(PUBLIC)
@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """Whether requests may be sent here; see `readiness`."""
    status, facts = readiness(now=now_of(request))
    return JsonResponse(facts, status=status)


def readiness(*, now: datetime) -> tuple[int, dict[str, Any]]:
    """The database answers, no migration is missing; and how long the oldest tap and delivery have waited.

    `ready` (and the status, 200 or 503) is about this process alone: whether requests may be sent to it. A worker that
    lags is no reason to take the pages away, so it is said apart, as `late`.
    """
    try:
        missing = migrations_missing()
        if missing:
            return 503, {"ready": False, "database": True, "migrations_missing": missing}
        oldest = [gates.queued(now=now).oldest_seconds, notify.queued(now=now).oldest_seconds]
        stopped = [pulse.loop for pulse in beats.pulses(now=now) if pulse.late]
    except DatabaseError:
        return 503, {"ready": False, "database": False}
    return 200, {
        "ready": True,
        "database": True,
        "migrations_missing": 0,
        "oldest_tap_seconds": oldest[0],
        "oldest_delivery_seconds": oldest[1],
        "late": bool(stopped) or any(age is not None and age > LATE_SECONDS for age in oldest),
        "loops_stopped": stopped,
    }


@open_to(PUBLIC)
@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures, for who shows the token of the settings. Without such a setting there is no such page."""
    if not settings.METRICS_TOKEN:
        raise Http404("no token is set")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode()):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    from gatepost.portals.public import figures  # loaded by the process that is asked, when it is asked

    text = figures.as_text(now=now_of(request))
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


_seen_complete = False  # once complete, the tables stay so for the life of this process


def migrations_missing() -> int:
    """How many migrations the database lacks. Raises `DatabaseError` if it does not answer."""
    global _seen_complete
    if _seen_complete:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return 0
    executor = MigrationExecutor(connection)
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    _seen_complete = missing == 0
    return missing
