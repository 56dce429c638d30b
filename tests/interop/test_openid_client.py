"""`openid-client`, a certified relying party, completes every flow against the running provider."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from gatepost.kit.clock import utc_now
from gatepost.sso import consents
from gatepost.sso.tests.conversations import BYE, CALLBACK, a_browser, a_device, a_machine, a_service
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)

FLOWS = Path(__file__).with_name("flows.mjs")


def test_it_completes_every_flow(provider: str, node_modules: Path) -> None:
    child = builders.a_student(builders.a_class(builders.a_school()))
    mother = builders.a_guardian(child, account=builders.an_account("mother@example.org"))
    rp, board, machine = a_service(), a_device(), a_machine()
    consents.give(mother, rp.service, ["openid", "profile", "email", "children"], children=[child.pk], now=utc_now())
    told = {
        "issuer": provider,
        "id": rp.service.client_id,
        "secret": rp.secret,
        "cookie": f"gatepost={a_browser(mother).cookies['gatepost'].value}",
        "redirect": CALLBACK,
        "bye": BYE,
        "device": board.service.client_id,
        "machine": [machine.service.client_id, machine.secret],
    }
    script = node_modules.parent / FLOWS.name
    shutil.copy(FLOWS, script)  # a module finds its packages beside itself
    done = subprocess.run(["node", script, json.dumps(told)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)

    assert seen["issuer"] == provider
    assert seen["userinfo"]["sub"] == seen["claims"]["sub"] == seen["introspection"]["sub"]
    assert (seen["userinfo"]["email"], seen["userinfo"]["email_verified"]) == ("mother@example.org", True)
    assert [one["name"] for one in seen["userinfo"]["child"]] == ["王小明"]
    assert {"auth_time", "sid", "amr", "acr", "nonce"} <= set(seen["claims"])
    assert seen["introspection"]["active"]
    assert seen["refreshed"]
    assert seen["out"] == f"{BYE}?state=s"
    assert seen["device"]["name"] == mother.get_full_name()
    assert seen["schools"] == [child.school.code]
    assert dict(seen["refused"]) == {
        "revoked refresh token": "invalid_grant",
        "revoked access token": "OAUTH_WWW_AUTHENTICATE_CHALLENGE",
        "code twice": "invalid_grant",
        "another's state": "OAUTH_INVALID_RESPONSE",
        "another's iss": "OAUTH_INVALID_RESPONSE",
        "wrong secret": "OAUTH_WWW_AUTHENTICATE_CHALLENGE",
        "device said no": "access_denied",
        "machine asks for people": "invalid_scope",
        "token after sign-out": "OAUTH_WWW_AUTHENTICATE_CHALLENGE",
        "nobody signed in": "login_required",
    }
