"""Readers as they stand at a gate: patient, forgetful, quick. Each keeps a tap until it was acknowledged."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

ANSWER_SECONDS_MAX = 30.0  # as a real reader: after that it gives up and sends again


@dataclass(frozen=True)
class Read:
    """A card was held to a reader."""

    card: str
    at: datetime
    direction: str | None = None
    nonce: UUID = field(default_factory=uuid4)

    def line(self, ahead: timedelta = timedelta(0)) -> dict[str, Any]:
        """As a reader tells it whose clock is `ahead` of ours."""
        read_at = (self.at + ahead).isoformat()
        return {"nonce": str(self.nonce), "card": self.card, "read_at": read_at, "direction": self.direction}


@dataclass(frozen=True)
class Answer:
    """What intake said; `status` 0 is no answer at all."""

    status: int
    headers: Mapping[str, str]
    body: Any
    seconds: float

    @property
    def took(self) -> set[UUID]:
        """The taps that this answer acknowledges."""
        if self.status != 200:
            return set()
        return {UUID(one["nonce"]) for one in self.body["results"] if one["status"] in {"stored", "repeat", "refused"}}


class Line:
    """A reader's connection to intake, kept open while it is good."""

    def __init__(self, port: int, key: str, *, seconds_max: float = ANSWER_SECONDS_MAX) -> None:
        self.port, self.key, self.seconds_max = port, key, seconds_max
        self._connection: http.client.HTTPConnection | None = None

    def hand_in(self, reads: Sequence[Read], *, ahead: timedelta = timedelta(0), queue: int = 0) -> Answer:
        """Send a batch, once."""
        sent_at = (datetime.now(UTC) + ahead).isoformat()
        return self.send({"sent_at": sent_at, "queue": queue, "taps": [read.line(ahead) for read in reads]})

    def send(self, body: Any) -> Answer:
        """Send any body (bytes as they are), once. Never raises for what a network can do."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        began = time.monotonic()
        try:
            connection = self._connection or http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=self.seconds_max
            )
            self._connection = connection
            connection.request("POST", "/v1/taps", content, {"Authorization": f"Bearer {self.key}"})
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, headers, json.loads(answer.read()), time.monotonic() - began)
        except (OSError, http.client.HTTPException, ValueError):
            self.close()
            return Answer(0, {}, None, time.monotonic() - began)

    def close(self) -> None:
        """Hang up; the next batch opens a new connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class PatientReader(threading.Thread):
    """Hands in its reads in batches of any size, and each until it is acknowledged; then sends some once more.

    With `seconds` it takes about that long over them when all goes well. `give_up` ends it whatever is left.
    """

    def __init__(
        self,
        port: int,
        key: str,
        reads: Iterable[Read],
        *,
        chance: random.Random,
        batch: int = 5,
        seconds: float = 0.0,
        patience: float = ANSWER_SECONDS_MAX,
        ahead: timedelta = timedelta(0),
    ) -> None:
        super().__init__(daemon=True)
        self.line = Line(port, key, seconds_max=patience)
        self.left = list(reads)
        self.batch, self.ahead = batch, ahead
        self.pause = seconds * (batch + 1) / 2 / max(1, len(self.left))
        self.chance = random.Random(chance.random())
        self.give_up = threading.Event()
        self.acknowledged: set[UUID] = set()
        self.statuses: Counter[int] = Counter()
        self.answers: list[tuple[float, float]] = []  # when it asked, how long it took
        self.problems: list[str] = []
        self.sent_again = 0

    def run(self) -> None:
        while self.left and not self.give_up.is_set():
            many = self.chance.randint(1, self.batch)
            taken, self.left = self.left[:many], self.left[many:]
            while not self._hand_in(taken) and not self.give_up.wait(0.05 + self.chance.random() * 0.1):
                self.sent_again += 1
            if self.chance.random() < 0.1:
                self._hand_in(taken)  # the answer was lost on the way, as far as it knows
            self.give_up.wait(self.pause * 2 * self.chance.random())
        self.line.close()

    def _hand_in(self, reads: Sequence[Read]) -> bool:
        began = time.monotonic()
        answer = self.line.hand_in(reads, ahead=self.ahead, queue=len(self.left))
        self.statuses[answer.status] += 1
        self.answers.append((began, answer.seconds))
        if answer.status not in {0, 200, 429, 503}:
            self.problems.append(f"status {answer.status}: {answer.body}")
        if answer.status in {429, 503} and not answer.headers.get("retry-after", "").isdigit():
            self.problems.append(f"status {answer.status} without Retry-After")
        if answer.status == 200 and answer.took != {read.nonce for read in reads}:
            self.problems.append("an answer of 200 that does not speak of every tap")
        self.acknowledged |= answer.took
        return answer.status == 200


def finish(readers: Sequence[PatientReader], *, seconds: float) -> None:
    """Wait until all have handed in everything; fails for one that could not, or was answered wrongly."""
    end = time.monotonic() + seconds
    for reader in readers:
        reader.join(max(0.1, end - time.monotonic()))
    left = [len(reader.left) for reader in readers if reader.is_alive()]
    for reader in readers:
        reader.give_up.set()
    assert not left, f"readers could not hand in everything within {seconds:.0f} s: {left} left"
    assert not [problem for reader in readers for problem in reader.problems][:5]
