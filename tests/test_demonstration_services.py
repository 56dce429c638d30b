"""The demonstration's two services beside a running Gatepost: one click signs in, and a sign-out reaches both."""

import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from gatepost.demo import cast
from gatepost.demo.services import registration, tokens
from gatepost.demo.services.offers import CLUBS, FEES
from gatepost.demo.services.server import serving
from gatepost.kit.clock import utc_now
from gatepost.sso import keys, logouts
from gatepost.sso.models import LogoutNotice, Service
from gatepost.sso.tests.conversations import a_browser
from tests import builders
from tests.served import Served, free_port


@pytest.fixture
def issuer(transactional_db: None, settings: Any) -> Iterator[str]:
    port = free_port()
    name = f"http://127.0.0.1:{port}"
    settings.SERVICES_PRIVATE = settings.DEMONSTRATION = True
    settings.OAUTH2_PROVIDER = {**settings.OAUTH2_PROVIDER, "OIDC_ISS_ENDPOINT": name}
    served = Served("web", {"GATEPOST_URL": name, "GATEPOST_SERVICES_PRIVATE": "1"}, port=port)
    yield name
    served.stop()


@pytest.fixture
def port(issuer: str) -> Iterator[int]:
    server = serving(0, issuer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def person(port: int) -> Iterator[httpx.Client]:
    """The guardian to sign in as, in a browser that is signed in here; the services are registered."""
    builders.a_role("bureau_officer", account=builders.an_account(cast.BUREAU.email))
    child = builders.a_student(builders.a_class(builders.a_school()))
    guardian = builders.a_guardian(child, account=builders.an_account(cast.GUARDIAN.email, name=cast.GUARDIAN.name))
    registration.settle(port, now=utc_now())
    with httpx.Client(follow_redirects=True) as browser:
        browser.cookies.set("gatepost", a_browser(guardian).cookies["gatepost"].value, domain="127.0.0.1")
        yield browser


@pytest.mark.django_db(transaction=True)
def test_one_click_signs_in_and_a_sign_out_reaches_the_other_service(
    person: httpx.Client, port: int, issuer: str
) -> None:
    tiles = person.get(f"{issuer}/family/services/").text
    assert FEES.address(port) in tiles
    known = person.get(FEES.address(port)).text
    assert cast.GUARDIAN.name in known
    assert "王小明" in known, "it was given the child"
    assert CLUBS.name in person.get(CLUBS.address(port)).text
    assert str(person.get(CLUBS.address(port)).url).startswith(f"{issuer}/sso/authorize"), "the other asks first"
    _agree(person, person.get(CLUBS.address(port)), issuer)
    known = person.get(CLUBS.address(port)).text
    assert cast.GUARDIAN.email in known
    assert "王小明" not in known, "this one was given no child"

    gone = person.post(f"{FEES.address(port)}sign-out")
    assert str(gone.url) == FEES.address(port, "bye")
    while logouts.send_due(utc_now()):
        pass
    assert not LogoutNotice.objects.filter(confirmed_at=None).exists()
    back = person.get(CLUBS.address(port), follow_redirects=False)
    assert back.headers["Location"].startswith(f"{issuer}/sso/authorize?"), "it has forgotten who was there"


@pytest.mark.django_db(transaction=True)
def test_what_did_not_begin_here_signs_nobody_in(person: httpx.Client, port: int, issuer: str) -> None:
    begun = person.get(FEES.address(port), follow_redirects=False)
    answer = person.get(begun.headers["Location"], follow_redirects=False).headers["Location"]
    query = urlsplit(answer).query
    for wrong in (query.replace("state=", "state=x"), query.replace("iss=", "iss=https%3A%2F%2Fevil.example"), ""):
        assert httpx.get(f"{FEES.address(port, 'callback')}?{wrong}").status_code == 400
    assert httpx.get(answer).status_code == 400, "another browser"
    assert person.get(answer).status_code == 200
    assert person.get(answer).status_code == 400, "the same again"
    for token in ("", "x.y.z", keys.sign({"iss": "x", "aud": FEES.client_id}, kind="logout+jwt", now=utc_now())):
        assert httpx.post(FEES.address(port, "logout"), data={"logout_token": token}).status_code == 400


@pytest.mark.django_db
def test_a_token_counts_only_with_the_signature_of_its_key() -> None:
    good = keys.sign({"sub": "x"}, kind="JWT", now=utc_now())
    known = keys.key_set(utc_now())["keys"]
    assert tokens.read(good, known)[1] == {"sub": "x"}
    other = [{**one, "n": keys.new_pair().export_public(as_dict=True)["n"]} for one in known]
    for token, published in ((good, other), (good, []), (good[:-4] + "AAAA", known), ("", known), ("x.y.z", known)):
        with pytest.raises(tokens.TokenRefused):
            tokens.read(token, published)


@pytest.mark.django_db
def test_at_another_port_their_addresses_move(settings: Any) -> None:
    settings.DEMONSTRATION = True
    registration.settle(1, now=utc_now())
    assert not Service.objects.exists(), "not the demonstration's city"
    builders.a_role("bureau_officer", account=builders.an_account(cast.BUREAU.email))
    for port in (8027, 8028):
        registration.settle(port, now=utc_now())
        assert {one.redirect_uris for one in Service.objects.all()} == {
            one.address(port, "callback") for one in (FEES, CLUBS)
        }


def _agree(person: httpx.Client, asked: httpx.Response, issuer: str) -> None:
    token = asked.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    answer = str(asked.url).replace("/sso/authorize", "/sso/consent")
    led = person.post(answer, data={"csrfmiddlewaretoken": token, "answer": "give"}, headers={"Origin": issuer})
    person.get(led.text.partition("0; url=")[2].partition('"')[0].replace("&amp;", "&"))
