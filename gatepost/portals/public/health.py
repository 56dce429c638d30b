"""Whether the system is alive, and whether it can do its work: for the machines that watch over it."""

from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.gates import queries as gates
from gatepost.notify import queries as notify
from gatepost.portals.moment import now_of


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
    """The database answers, no migration is missing; and how long the oldest tap and delivery have waited."""
    now = now_of(request)
    try:
        missing = _migrations_missing()
        if missing:
            return JsonResponse({"ready": False, "database": True, "migrations_missing": missing}, status=503)
        facts: dict[str, Any] = {
            "ready": True,
            "database": True,
            "migrations_missing": 0,
            "oldest_tap_seconds": gates.queued(now=now).oldest_seconds,
            "oldest_delivery_seconds": notify.queued(now=now).oldest_seconds,
        }
    except DatabaseError:
        return JsonResponse({"ready": False, "database": False}, status=503)
    return JsonResponse(facts)


_seen_complete = False  # once complete, the tables stay so for the life of this process


def _migrations_missing() -> int:
    global _seen_complete
    if _seen_complete:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return 0
    executor = MigrationExecutor(connection)
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    _seen_complete = missing == 0
    return missing
