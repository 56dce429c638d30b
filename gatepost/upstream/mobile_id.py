"""Mobile ID 手機電信驗證: the telephone company says whose number a phone has, by the phone's own line (TWCA's portal).

Somebody types ID number and telephone number and goes to the portal, which asks the company over the phone's own data
line and posts what it found back through the browser. Source: one published guide by who has connected it.

Certain from there: the address and fields of `Login`, how `IdentifyNo` is made of what we send, and the fields of what
comes back. **Not certain:** the address and fields of the form that the browser takes to the portal (`DO`), that what
comes back is signed over its fields in their order, the values of `Operator`, `Action` and `CAType`, and all codes but
those of success (so everything else is one refusal). No message has a time in it: what bounds an answer is our own ten
minutes. A contract brings the handbook; `MobileIdClient` is all there is to change.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.utils.crypto import constant_time_compare

from gatepost.kit.outward import FORM
from gatepost.upstream.askings import Kept
from gatepost.upstream.configured import MobileId
from gatepost.upstream.identity import Identity, UpstreamRefused, ask, identity
from gatepost.upstream.models import Provider

OPERATORS: Final = {"CHT": "中華電信", "TWM": "台灣大哥大", "FET": "遠傳電信"}
_VERSION, _ACTION, _CA_TYPE, _PLATFORM_WEB = "1.0", "SIGN", "12", "2"
_RESULT: Final = (
    *("BusinessNo", "ApiVersion", "HashKeyNo", "VerifyNo", "MemberNoMapping", "Token", "CAType", "ResultCode"),
    *("ReturnCode", "ReturnCodeDesc"),
)


def begin(number: str, phone: str, operator: str, state: str, back: str) -> Kept:
    """Register the question `state` at the portal, and say what to keep for its answer. Raises `UpstreamRefused`.

    `number`: an ID number, normalised and valid; `phone`: ten digits; `back`: where the portal posts what it found.
    """
    who = identity(Provider.MOBILE_ID, number, number)
    token = _client().login(number, phone, operator, state, back)
    return {"subject": who.subject.hex(), "number": who.number.hex(), "token": token, "state": state}


def form(kept: Kept) -> tuple[str, dict[str, str]]:
    """Where the browser goes now, and what it takes along."""
    return _client().form(kept["state"], kept["token"])


def require_yes(posted: Mapping[str, str], kept: Kept) -> None:
    """Whether what came back through the browser says yes to this question.

    Raises `UpstreamRefused`: forged, audience (for another business), unproven (the company said no).
    """
    _client().require_ours(posted)
    if not constant_time_compare(posted.get("Token", ""), kept["token"]):
        raise UpstreamRefused("forged")
    if posted.get("ResultCode") != "S" or posted.get("ReturnCode") != "0":
        raise UpstreamRefused("unproven")


def finish(kept: Kept) -> Identity:
    """Who it was. Call once `require_yes` did not refuse."""
    return Identity(Provider.MOBILE_ID, bytes.fromhex(kept["subject"]), bytes.fromhex(kept["number"]))


class MobileIdClient:
    """What is sent to the portal and read from it."""

    def __init__(self, configured: MobileId) -> None:
        self._set = configured
        self._head = {"BusinessNo": configured.business_no, "ApiVersion": _VERSION, "HashKeyNo": configured.key_no}

    def login(self, number: str, phone: str, operator: str, state: str, back: str) -> str:
        """The token of a question. Raises `UpstreamRefused`."""
        asked = {
            "MemberNo": number,
            "Action": _ACTION,
            "Plaintext": state,
            "CAType": _CA_TYPE,
            "AssignCertPassword": "",
            "MIDInputParams": {
                "Platform": _PLATFORM_WEB,
                "MIDwInputParams": {"Operator": operator, "Msisdn": phone, "Birthday": ""},
            },
        }
        covered = {**self._head, "VerifyNo": state, "ReturnParams": "", "InputParams": json.dumps(asked)}
        fields = {**covered, "ReturnURL": back, "IdentifyNo": identify(covered, self._set.key)}
        headers = {"Content-Type": FORM, "Accept": "application/json"}
        told = _object(ask("POST", f"{self._set.url}/Login", body=urlencode(fields).encode(), headers=headers).body)
        if str(told.get("ReturnCode")) != "0":
            raise UpstreamRefused("settings")
        output = told.get("OutputParams")
        token = str((_object(output) if isinstance(output, str) else output or {}).get("Token", ""))
        if not token or str(told.get("VerifyNo", state)) != state:
            raise UpstreamRefused("forged")
        return token

    def form(self, state: str, token: str) -> tuple[str, dict[str, str]]:
        """The form that takes the browser to the portal."""
        covered = {**self._head, "VerifyNo": state, "Token": token}
        return f"{self._set.url}/DO", {**covered, "IdentifyNo": identify(covered, self._set.key)}

    def require_ours(self, posted: Mapping[str, str]) -> None:
        """Made by who holds the key, for this business. Raises `UpstreamRefused` (forged, audience)."""
        covered = {name: posted.get(name, "") for name in _RESULT}
        if not constant_time_compare(posted.get("IdentifyNo", ""), identify(covered, self._set.key)):
            raise UpstreamRefused("forged")
        if covered["BusinessNo"] != self._set.business_no:
            raise UpstreamRefused("audience")
        if covered["CAType"] != _CA_TYPE:  # nothing stands between the values: they are told apart by what we know
            raise UpstreamRefused("forged")


def identify(covered: Mapping[str, str], key: str) -> str:
    """The portal's word for a signature: SHA-256 over UTF-16LE of the values, in their order, and the key."""
    return hashlib.sha256("".join((*covered.values(), key)).encode("utf-16-le")).hexdigest()


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError as error:
        raise UpstreamRefused("down") from error
    if not isinstance(told, dict):
        raise UpstreamRefused("forged")
    return told


def _client() -> MobileIdClient:
    configured: MobileId | None = settings.MOBILE_ID
    assert configured is not None  # noqa: S101 - its pages are not there otherwise
    return MobileIdClient(configured)
