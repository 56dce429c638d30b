"""The gate keeps to its own description: what `/v1/openapi.json` says is what readers' builders get."""

from typing import Any

import httpx
import msgspec
import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi import checks

from gatepost.attendance.arrivals import follow_taps
from gatepost.gates import reception
from gatepost.gates.models import TapQueue
from gatepost.gates.openapi import DESCRIPTION
from gatepost.gates.tests.conftest import Post
from gatepost.gates.tests.conftest import post as post
from gatepost.kit.clock import utc_now
from tests.faults.ground import Running
from tests.fuzz.conftest import Fuzz
from tests.fuzz.test_intake import running_gate as running_gate

pytestmark = pytest.mark.django_db(transaction=True)
SCHEMA = schemathesis.openapi.from_dict(msgspec.json.decode(DESCRIPTION))
load_all_checks()
# A line that is no tap is kept and answered, so a batch that the schema forbids may well be a 200.
CHECKS: list[Any] = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


def cases(mode: GenerationMode) -> st.SearchStrategy[Case[Any]]:
    """Requests after the description, or just beside it."""
    return SCHEMA["/v1/taps"]["POST"].as_strategy(generation_mode=mode)


def either() -> st.SearchStrategy[Case[Any]]:
    return cases(GenerationMode.POSITIVE) | cases(GenerationMode.NEGATIVE)


def test_what_the_gate_answers_is_what_it_describes(
    post: Post, key: str, fuzz: Fuzz, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "REQUESTS_PER_SECOND", 1e9)
    monkeypatch.setattr(reception, "REQUESTS_AT_ONCE", 1e9)

    def agrees(case: Case[Any], known: bool) -> None:
        content = case.body if isinstance(case.body, bytes) else msgspec.json.encode(_plain(case.body))
        conforms(case, post(key if known else "gpr_nobody", content=content), known=known)

    fuzz(40, 4_000, case=either(), known=st.sampled_from([True, True, True, False]))(agrees)
    worked_off()


def test_a_running_gate_answers_what_it_describes(running_gate: Running, key: str, fuzz: Fuzz) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{running_gate.port}") as client:
        described = client.get("/v1/openapi.json")
        assert described.content == DESCRIPTION

        def agrees(case: Case[Any]) -> None:
            content = case.body if isinstance(case.body, bytes) else msgspec.json.encode(_plain(case.body))
            headers = {"Authorization": f"Bearer {key}", "Content-Type": case.media_type or "application/json"}
            conforms(case, client.post("/v1/taps", content=content, headers=headers), known=True)

        fuzz(20, 1_000, case=either())(agrees)
        for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            answer = client.request(method, "/v1/taps")
            assert answer.status_code == 405
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["allow"] == "POST"
        assert client.request("BREW", "/v1/taps").status_code == 400  # no method that anybody knows
        assert client.head("/v1/openapi.json").status_code == 200
    worked_off()


def test_a_request_after_the_description_is_never_refused(post: Post, key: str, fuzz: Fuzz) -> None:
    def is_taken(case: Case[Any]) -> None:
        answer = post(key, content=msgspec.json.encode(case.body))
        assert answer.status_code in {200, 429}, (case.body, answer.text)

    fuzz(30, 1_500, case=cases(GenerationMode.POSITIVE))(is_taken)


def conforms(case: Case[Any], answer: httpx.Response, *, known: bool) -> None:
    """The answer has a status, a form, headers and a shape that the description names."""
    assert answer.status_code != 500
    assert known or answer.status_code == 401
    case.validate_response(answer, checks=CHECKS)


def worked_off() -> None:
    """Nothing is left in the queue."""
    while follow_taps(now=utc_now(), limit=50_000):
        pass
    assert not TapQueue.objects.exists()


def _plain(body: Any) -> Any:
    """A body that schemathesis left out is an empty one."""
    return None if type(body).__name__ == "NotSet" else body
