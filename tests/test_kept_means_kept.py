"""Promise 1: a reader that got its acknowledgement can forget the tap, whatever is killed at whatever instant.

Real processes, killed with SIGKILL while readers hand in taps; what was acknowledged must be there, once.
"""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from gatepost.gates.models import Tap, TapQueue
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)

KILLS = 4
READERS = 6


class Intake:
    """`gatepost gate` as a process of its own, that can be killed and started again on the same port."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "gatepost", "gate", "--port", str(self.port)]
        self.process = subprocess.Popen(
            command, start_new_session=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("intake did not start")

    def kill(self) -> None:
        """SIGKILL to the server and all its workers, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class PatientReader(threading.Thread):
    """Hands in one tap after the other and keeps each until it is acknowledged."""

    def __init__(self, port: int, key: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.port, self.key, self.enough = port, key, stop
        self.acknowledged: list[UUID] = []
        self.sent_again = 0

    def run(self) -> None:
        while not self.enough.is_set():
            nonce = uuid4()
            while not self.hand_in(nonce):
                self.sent_again += 1
                time.sleep(0.02)
                if self.enough.is_set():
                    return
            self.acknowledged.append(nonce)

    def hand_in(self, nonce: UUID) -> bool:
        now = datetime.now(UTC).isoformat()
        body = {"sent_at": now, "taps": [{"nonce": str(nonce), "card": "04A1B2C3", "read_at": now}]}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("POST", "/v1/taps", json.dumps(body), {"Authorization": f"Bearer {self.key}"})
            answer = connection.getresponse()
            return answer.status == 200 and json.load(answer)["results"][0]["status"] in {"stored", "repeat"}
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            connection.close()


@pytest.fixture
def intake() -> Iterator[Intake]:
    running = Intake()
    yield running
    running.kill()


def test_every_acknowledged_tap_is_there_once_after_kill_9(transactional_db: None, intake: Intake) -> None:
    school = builders.a_school()
    stop = threading.Event()
    readers = [PatientReader(intake.port, builders.a_reader(school)[1], stop) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    chance = random.Random(7)
    for _ in range(KILLS):
        time.sleep(0.3 + chance.random() * 0.5)
        intake.kill()
        intake.start()
    time.sleep(0.5)
    stop.set()
    for reader in readers:
        reader.join(timeout=10)
    acknowledged = [nonce for reader in readers for nonce in reader.acknowledged]
    assert sum(reader.sent_again for reader in readers) > 0, "no kill was ever felt"
    assert len(acknowledged) > KILLS * READERS
    kept = list(Tap.objects.values_list("nonce", flat=True))
    assert len(kept) == len(set(kept))
    assert set(acknowledged) <= set(kept)
    assert sorted(TapQueue.objects.values_list("nonce", flat=True)) == sorted(kept)
