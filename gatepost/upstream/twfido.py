"""TW FidO, the mobile citizen certificate 行動自然人憑證: a key of the state in a phone, behind a finger or a face.

Somebody types their ID number; the state puts a question to the phones bound to it; the answer is fetched. Sources: a
client that the ministry has published (tw-did), and others written to the interface specification 2.9.

Certain: the addresses, the fields, both checksums, what a ticket holds, four seconds between two questions for the
result, and which answers mean "not yet". **Not certain:** how `hashed_id_num` is made, so it is compared with the one
in the ticket, never computed; whether the clock of a ticket's `expiration_time` is written with its zone (without one
it is read as Taipei's); and the whole list of errors (one we do not know ends the sign-in, and is written to the log of
acts by our word for it). The part of a ticket after the dot is a digest that anybody can make: what counts is
`idp_checksum`, which only the holder of the shared key can.
"""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.utils.crypto import constant_time_compare

from gatepost.upstream.askings import Kept
from gatepost.upstream.configured import TwFido
from gatepost.upstream.identity import Identity, UpstreamRefused, ask, identity
from gatepost.upstream.models import Provider

POLL_EVERY = timedelta(seconds=4)
TIME_LIMIT_SECONDS = 300
SKEW = timedelta(minutes=1)
HINT = "校門口 Gatepost 登入"  # what the app shows; it speaks Chinese
APP: Final = "mobilemoica://moica.moi.gov.tw/a2a/verifySign"
SCAN, APP_LINK, PUSH = "I-SCAN", "MWEB2APP", "push"
_NONCE_BYTES = 12
_ZONE = ZoneInfo("Asia/Taipei")
_SIGN_INFO: Final = {"sign_type": "PKCS#7", "sign_data": "", "tbs_encoding": "NONE"}  # ATH: nothing to sign

# Errors come bare or behind the name of the interface: SP-API-ATH-02-SPTKT_OVD.
_PENDING: Final = ("20002", "20003", "SPTKTID_TXNLOG_NF")
_REFUSED: Final = {
    "INV_SP_CHECKSUM": "settings",
    "SPTKT_OVD": "late",
    "IDNUM_USERPROF_NF": "unbound",
    "PM_IDN_FT_ERR": "number",
    "TXNLOG_INS_ERR": "replayed",
    "APP_USER_CANCEL": "denied",
}


def begin(number: str, mode: str, state: str, *, now: datetime) -> Kept:
    """Have the holder of `number`, normalised and valid, asked, and say what to keep for the answer.

    `mode`: SCAN (the app reads a QR code), APP_LINK (the app is on this phone), PUSH (the state rings the phones).
    Raises `UpstreamRefused`.
    """
    client = _client()
    ticket = client.push(state, number) if mode == PUSH else client.ticket(state, number, mode)
    _require_ours(ticket, state, client.service, now)
    held = _payload(ticket)
    who = identity(Provider.TWFIDO, number, number)
    return {
        "subject": who.subject.hex(),  # not the number: this lies in a table for a while
        "number": who.number.hex(),
        "mode": mode,
        "state": state,
        "ticket": ticket,
        "ticket_id": held["sp_ticket_id"],
        "hashed": held["hashed_id_num"],
    }


def result(kept: Kept) -> bool:
    """Whether the holder has said yes; False while they have said nothing. Raises `UpstreamRefused`."""
    found = _client().result(kept["state"], kept["ticket_id"])
    if found is None:
        return False
    if not constant_time_compare(found, kept["hashed"]):  # somebody else than who was asked
        raise UpstreamRefused("forged")
    return True


def finish(kept: Kept) -> Identity:
    """Who has said yes. Call once `result` did."""
    return Identity(Provider.TWFIDO, bytes.fromhex(kept["subject"]), bytes.fromhex(kept["number"]))


def app_link(kept: Kept, back: str) -> str:
    """What opens the app on this phone, which then opens `back`."""
    coded = base64.urlsafe_b64encode(back.encode()).rstrip(b"=").decode()
    return f"{APP}?{urlencode({'sp_ticket': kept['ticket'], 'rtn_url': coded, 'rtn_val': ''})}"


class FidoClient:
    """What is sent to the state and read from it."""

    def __init__(self, configured: TwFido) -> None:
        self.service = configured.service_id
        self._url = configured.url
        self._key = configured.key

    def ticket(self, state: str, number: str, mode: str) -> str:
        """A ticket (SP-API-ATH-01) that the app takes from a QR code or a link."""
        fields = {"id_num": number, "op_code": "ATH", "op_mode": mode, "hint": HINT}
        more = {"time_limit": str(TIME_LIMIT_SECONDS), "sign_info": _SIGN_INFO}
        return self._ticket("getSpTicket", state, fields, more)

    def push(self, state: str, number: str) -> str:
        """A ticket (SP-API-ATH-03) of which the state tells the phones itself: all that are bound to the number."""
        fields = {"id_num": number, "op_code": "ATH", "hint": HINT}
        more = {"time_limit": str(TIME_LIMIT_SECONDS), "sign_info": _SIGN_INFO}
        return self._ticket("requestAthOrSignPush", state, fields, more)

    def result(self, state: str, ticket_id: str) -> str | None:
        """The `hashed_id_num` of who said yes (SP-API-ATH-02); None while nobody has."""
        told = self._post("getAthOrSignResult", state, {"sp_ticket_id": ticket_id}, {}, pending=True)
        if told is None:
            return None
        hashed, signed = str(told.get("hashed_id_num", "")), str(told.get("signed_response") or "")
        self._require_checksum(told, f"{state}0{hashed}{signed}")
        return hashed

    def _ticket(self, name: str, state: str, fields: Mapping[str, str], more: Mapping[str, Any]) -> str:
        told = self._post(name, state, fields, more) or {}
        ticket = str(told.get("sp_ticket", ""))
        self._require_checksum(told, f"{state}0{ticket}")
        return ticket

    def _post(
        self, name: str, state: str, fields: Mapping[str, str], more: Mapping[str, Any], *, pending: bool = False
    ) -> dict[str, Any] | None:
        """`fields`, in this order, are what the checksum covers after the two that are always there."""
        covered = f"{state}{self.service}{''.join(fields.values())}"
        checksum = seal(covered, self._key)
        body = {"transaction_id": state, "sp_service_id": self.service, "sp_checksum": checksum, **fields, **more}
        headers = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json"}
        answer = ask("POST", f"{self._url}/moise/sp/{name}", body=json.dumps(body).encode(), headers=headers)
        try:
            told = json.loads(answer.body)
        except ValueError as error:
            raise UpstreamRefused("down") from error
        if not isinstance(told, dict):
            raise UpstreamRefused("forged")
        code = str(told.get("error_code", ""))
        if code == "0" and isinstance(told.get("result"), dict):
            return dict(told["result"])
        if pending and _is(code, _PENDING):
            return None
        raise UpstreamRefused(next((ours for theirs, ours in _REFUSED.items() if _is(code, (theirs,))), "settings"))

    def _require_checksum(self, told: Mapping[str, Any], covered: str) -> None:
        if not fits(str(told.get("idp_checksum", "")), covered, self._key):
            raise UpstreamRefused("forged")


def seal(covered: str, key: bytes) -> str:
    """A checksum of `covered`: its SHA-256 in hex, sealed (AES-256-GCM), as hex of nonce, text and tag.

    The specification's example has zeros for a nonce; theirs is read from the value, and ours is never used twice.
    """
    nonce = os.urandom(_NONCE_BYTES)
    return (nonce + AESGCM(key).encrypt(nonce, _hex(covered), None)).hex()


def fits(checksum: str, covered: str, key: bytes) -> bool:
    """Whether who holds `key` made `checksum` of `covered`."""
    try:
        sealed = bytes.fromhex(checksum)
        return constant_time_compare(
            AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None), _hex(covered)
        )
    except (InvalidTag, ValueError):
        return False


def _hex(covered: str) -> bytes:
    return hashlib.sha256(covered.encode()).hexdigest().encode()


def _payload(ticket: str) -> dict[str, str]:
    coded = ticket.rpartition(".")[0]
    try:
        held = json.loads(base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)))
    except ValueError as error:
        raise UpstreamRefused("forged") from error
    if not isinstance(held, dict):
        raise UpstreamRefused("forged")
    return {name: str(value) for name, value in held.items()}


def _require_ours(ticket: str, state: str, service: str, now: datetime) -> None:
    """A ticket for this question, from us, and of this moment."""
    held = _payload(ticket)
    if held.get("transaction_id") != state or not held.get("sp_ticket_id") or not held.get("hashed_id_num"):
        raise UpstreamRefused("forged")
    if held.get("sp_service_id") != service:
        raise UpstreamRefused("audience")
    try:
        over = datetime.fromisoformat(held.get("expiration_time", ""))
    except ValueError as error:
        raise UpstreamRefused("forged") from error
    over = over if over.tzinfo else over.replace(tzinfo=_ZONE)
    if not now - SKEW < over <= now + timedelta(seconds=TIME_LIMIT_SECONDS) + SKEW:
        raise UpstreamRefused("clock")


def _is(code: str, words: tuple[str, ...]) -> bool:
    return any(code == word or code.endswith(f"-{word}") for word in words)


def _client() -> FidoClient:
    configured: TwFido | None = settings.TWFIDO
    assert configured is not None  # noqa: S101 - its pages are not there otherwise
    return FidoClient(configured)
