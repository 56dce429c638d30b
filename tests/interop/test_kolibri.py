"""The learning platform Kolibri, from PyPI, in an environment of its own: a guardian signs in and is known there."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gatepost.kit.clock import utc_now
from gatepost.sso import consents, subjects
from gatepost.sso.tests.conversations import Rp, a_browser, a_service
from tests import builders
from tests.interop.packages import VAR
from tests.served import free_port

PACKAGES = ["kolibri==0.19.5", "kolibri-oidc-client-plugin==0.3.2"]
STARTS_SECONDS_MAX = 120

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not os.environ.get("INTEROP"), reason="heavy: make interop"),
]


@pytest.fixture(scope="session")
def kolibri_command() -> Path:
    """Kolibri brings a Django of its own, of another version: it lives in an environment of its own, in var/."""
    home = VAR / "kolibri"
    if not (home / "bin" / "kolibri").exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True, timeout=120)
        subprocess.run([home / "bin" / "pip", "install", "-q", *PACKAGES], check=True, timeout=600)
    return home / "bin" / "kolibri"


@pytest.fixture
def kolibri(provider: str, kolibri_command: Path, tmp_path: Path) -> Iterator[tuple[str, Rp]]:
    """Where it is, and the service it is registered as: it cannot do PKCE."""
    port = free_port()
    here = f"http://127.0.0.1:{port}"
    rp = a_service(
        "酷課雲",
        redirect_uris=[f"{here}/oidccallback/"],
        start_url=f"{here}/oidcauthenticate/",
        pkce_required=False,
    )
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "KOLIBRI_HOME": str(tmp_path / "kolibri"),
        "KOLIBRI_HTTP_PORT": str(port),
        "KOLIBRI_ZIP_CONTENT_PORT": str(free_port()),
        "KOLIBRI_LISTEN_ADDRESS": "127.0.0.1",
        "KOLIBRI_DISABLE_PING": "1",
        "CLIENT_ID": rp.service.client_id,
        "CLIENT_SECRET": rp.secret,
        "KOLIBRI_OIDC_CLIENT_URL": here,
        "KOLIBRI_OIDC_JWKS_URI": f"{provider}/sso/keys",
        "KOLIBRI_OIDC_AUTHORIZATION_ENDPOINT": f"{provider}/sso/authorize",
        "KOLIBRI_OIDC_TOKEN_ENDPOINT": f"{provider}/sso/token",
        "KOLIBRI_OIDC_USERINFO_ENDPOINT": f"{provider}/sso/userinfo",
        "KOLIBRI_OIDC_ENDSESSION_ENDPOINT": f"{provider}/sso/end-session",
    }
    provision = "manage provisiondevice --facility 酷課雲 --superusername admin --superuserpassword x-y-z-1"
    for command in (
        "plugin enable kolibri_oidc_client_plugin",
        f"{provision} --preset formal --language_id en --noinput",
    ):
        subprocess.run(
            [kolibri_command, *command.split()], env=environment, check=True, timeout=300, capture_output=True
        )
    process = subprocess.Popen(
        [kolibri_command, "start", "--foreground"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(here)
        yield here, rp
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_a_guardian_signs_in_and_is_known_there(kolibri: tuple[str, Rp]) -> None:
    here, rp = kolibri
    mother = builders.a_guardian(
        builders.a_student(builders.a_class(builders.a_school())), account=builders.an_account(name="林淑芬")
    )
    consents.give(mother, rp.service, ["openid", "profile", "email"], children=[], now=utc_now())
    with httpx.Client(follow_redirects=True, timeout=60) as person:
        person.cookies.set("gatepost", a_browser(mother).cookies["gatepost"].value, domain="127.0.0.1")
        back = person.get(f"{here}/oidcauthenticate/")
        assert str(back.url).startswith(here), back.text[:500]
        users = person.get(f"{here}/api/auth/facilityuser/").json()
        assert [one["full_name"] for one in users] == ["林淑芬"], "whoever is signed in sees themselves"
        assert users[0]["username"] == subjects.of_account(rp.service.pk, mother.pk)


def _wait(here: str) -> None:
    until = time.monotonic() + STARTS_SECONDS_MAX
    while time.monotonic() < until:
        try:
            if httpx.get(f"{here}/api/public/info/", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise AssertionError("Kolibri did not start")
