"""An application behind Apache with `mod_auth_openidc`, as Debian ships it: sign-in, role, and back-channel logout."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gatepost.kit.clock import utc_now
from gatepost.sso import consents, logouts
from gatepost.sso.models import LogoutNotice
from gatepost.sso.tests.conversations import Rp, a_browser, a_service
from tests import builders
from tests.served import free_port

APACHE, MODULE = Path("/usr/sbin/apache2"), Path("/usr/lib/apache2/modules/mod_auth_openidc.so")
STARTS_SECONDS_MAX = 20

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not MODULE.exists(), reason="install the Debian packages apache2 and libapache2-mod-auth-openidc"
    ),
]

CONF = """
ServerRoot {root}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {root}/httpd.pid
ErrorLog {root}/error.log
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
LoadModule auth_openidc_module /usr/lib/apache2/modules/mod_auth_openidc.so
TypesConfig /etc/mime.types
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
DocumentRoot {root}/htdocs

OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID {id}
OIDCClientSecret {secret}
OIDCRedirectURI {here}/oidc-cb
OIDCScope "openid profile role"
OIDCPKCEMethod S256
OIDCRemoteUserClaim sub
OIDCSessionType server-cache
OIDCCacheType shm
OIDCCryptoPassphrase of-this-test-alone

<Location />
  AuthType openid-connect
  Require valid-user
</Location>
<Location /teachers/>
  AuthType openid-connect
  Require claim roles:teacher
</Location>
"""


@pytest.fixture
def apache(provider: str, tmp_path: Path, settings: Any) -> Iterator[tuple[str, Rp]]:
    """Where the application is, and the service it is registered as."""
    settings.SERVICES_PRIVATE = True  # here stands the worker, which needs the name of the process
    settings.OAUTH2_PROVIDER = {**settings.OAUTH2_PROVIDER, "OIDC_ISS_ENDPOINT": provider}
    port = free_port()
    here = f"http://127.0.0.1:{port}"
    rp = a_service(
        "校務系統", redirect_uris=[f"{here}/oidc-cb"], backchannel_logout_uri=f"{here}/oidc-cb?logout=backchannel"
    )
    for page in ("", "teachers/"):
        (tmp_path / "htdocs" / page).mkdir(parents=True, exist_ok=True)
        (tmp_path / "htdocs" / page / "index.html").write_text("校務系統")
    tmp_path.chmod(0o755)
    conf = tmp_path / "httpd.conf"
    conf.write_text(
        CONF.format(root=tmp_path, port=port, issuer=provider, here=here, id=rp.service.client_id, secret=rp.secret)
    )
    process = subprocess.Popen([APACHE, "-f", conf, "-DFOREGROUND"], stderr=subprocess.DEVNULL)
    try:
        _wait(here)
        yield here, rp
    finally:
        process.terminate()
        process.wait(timeout=15)


def test_it_signs_in_knows_the_role_and_hears_of_the_sign_out(apache: tuple[str, Rp], provider: str) -> None:
    here, rp = apache
    teacher = builders.a_teacher(builders.a_class(builders.a_school()))
    consents.give(teacher, rp.service, ["openid", "profile", "role"], children=[], now=utc_now())
    browser = a_browser(teacher)
    with httpx.Client(follow_redirects=True) as person:
        person.cookies.set("gatepost", browser.cookies["gatepost"].value, domain="127.0.0.1")
        assert "校務系統" in person.get(f"{here}/").text
        assert person.get(f"{here}/teachers/").status_code == 200
        browser.post("/sign-out/")
        assert person.get(f"{here}/", follow_redirects=False).status_code == 200, "it has not heard of it yet"
        assert logouts.send_due(utc_now()) == 1
        assert LogoutNotice.objects.get().confirmed_at is not None
        back = person.get(f"{here}/", follow_redirects=False)
        assert back.status_code == 302
        assert back.headers["Location"].startswith(f"{provider}/sso/authorize?")


def test_a_page_for_teachers_is_closed_to_a_guardian(apache: tuple[str, Rp]) -> None:
    here, rp = apache
    mother = builders.a_guardian(builders.a_student(builders.a_class(builders.a_school())))
    consents.give(mother, rp.service, ["openid", "profile", "role"], children=[], now=utc_now())
    with httpx.Client(follow_redirects=True) as person:
        person.cookies.set("gatepost", a_browser(mother).cookies["gatepost"].value, domain="127.0.0.1")
        assert person.get(f"{here}/").status_code == 200
        assert person.get(f"{here}/teachers/").status_code == 401


def _wait(here: str) -> None:
    until = time.monotonic() + STARTS_SECONDS_MAX
    while time.monotonic() < until:
        try:
            httpx.get(here, timeout=2)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("Apache did not start")
