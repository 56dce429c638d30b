"""The worker's loops share a few connections."""

import threading
from datetime import datetime

import pytest
from django.db import connection

from gatepost.kit.environment import env_url
from gatepost.kit.worker import Loop, run

pytestmark = pytest.mark.django_db(transaction=True)

MORE_THAN_CONNECTIONS = 20
SECONDS_MAX = 8  # less than a loop waits in vain for a connection


def test_a_loop_that_waits_keeps_no_other_from_the_database() -> None:
    ran = [threading.Event() for _number in range(MORE_THAN_CONNECTIONS)]

    def loop(number: int) -> Loop:
        def work(_now: datetime) -> int:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            ran[number].set()
            return 0

        return Loop(f"loop-{number}", work, every_seconds=600)

    stop = threading.Event()
    url = env_url("DATABASE_URL", schemes=["postgresql", "postgres"])
    loops = [loop(number) for number in range(MORE_THAN_CONNECTIONS)]
    worker = threading.Thread(target=run, args=(loops,), kwargs={"stop": stop, "database_url": url})
    worker.start()
    try:
        assert [event.wait(SECONDS_MAX) for event in ran] == [True] * MORE_THAN_CONNECTIONS
    finally:
        stop.set()
        worker.join()
