from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from gatepost.gates import keys
from gatepost.gates.http import Gate as GateApplication
from gatepost.gates.models import Gate, Reader
from gatepost.gates.reception import Reception
from gatepost.kit.environment import env_url
from gatepost.roster.models import District, School


class Post:
    """Requests to intake over its own connections and event loop; its clock shows `now`, or the real time."""

    def __init__(self, call: Callable[..., httpx.Response]) -> None:
        self._call = call
        self.now: datetime | None = None

    def __call__(self, key: str | None, body: Any = None, **how: Any) -> httpx.Response:
        return self._call(key, body, **how)


@pytest.fixture
def school(transactional_db: None) -> School:
    district = District.objects.create(code="35", name="中正區", name_en="Zhongzheng", postal_code="100")
    return School.objects.create(
        code="353699", name="試驗國民小學", short_name="試驗國小", district=district, level="elementary"
    )


@pytest.fixture
def reader_and_key(school: School) -> tuple[Reader, str]:
    gate = Gate.objects.create(school=school, name="南門")
    return keys.enrol(gate, "1 號機", by=None, now=datetime.now(UTC))


@pytest.fixture
def key(reader_and_key: tuple[Reader, str]) -> str:
    return reader_and_key[1]


@pytest.fixture
def post(transactional_db: None) -> Iterator[Post]:
    with start_blocking_portal() as portal:

        def send(
            key: str | None, body: Any = None, *, content: bytes | None = None, path: str = "/v1/taps"
        ) -> httpx.Response:
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            return portal.call(lambda: client.post(path, headers=headers, json=body, content=content))

        poster = Post(send)
        database = env_url("DATABASE_URL", schemes=["postgresql", "postgres"])
        reception = Reception(database, clock=lambda: poster.now or datetime.now(UTC))
        application = GateApplication(reception)
        client = httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://gate.test")
        yield poster
        portal.call(reception.close)


def tap(card: str = "04A1B2C3", at: datetime | None = None, **fields: Any) -> dict[str, Any]:
    """A tap as a reader would send it."""
    return {"nonce": str(uuid4()), "card": card, "read_at": (at or datetime.now(UTC)).isoformat(), **fields}


def batch(*taps: dict[str, Any], sent_at: datetime | None = None, **fields: Any) -> dict[str, Any]:
    """A request body around `taps`."""
    return {"sent_at": (sent_at or datetime.now(UTC)).isoformat(), "taps": list(taps), **fields}
