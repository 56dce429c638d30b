"""The service of the ministry for TW FidO, and the phone of whoever is asked, which lists what waits for a finger."""

import base64
import hashlib
import json
import os
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gatepost.demo.identities.people import PEOPLE, Person, of_number
from gatepost.demo.identities.server import Call, Reply, page, sent_to, told

BASE = "/fido"
KEPT_MOST = 200
_API = f"{BASE}/moise/sp/"
_COVERED = {
    "getSpTicket": ("transaction_id", "sp_service_id", "id_num", "op_code", "op_mode", "hint"),
    "requestAthOrSignPush": ("transaction_id", "sp_service_id", "id_num", "device_user_def_desc", "op_code", "hint"),
    "getAthOrSignResult": ("transaction_id", "sp_service_id", "sp_ticket_id"),
}
_INTERFACES = {"getSpTicket": "01", "getAthOrSignResult": "02", "requestAthOrSignPush": "03"}


@dataclass
class Question:
    """What waits in a phone. `answer`: yes, no, or nothing yet."""

    person: Person
    transaction: str
    hint: str
    until: datetime
    answer: str = ""


class TwFido:
    """One registered service. `clock_off` is how wrong the ministry's clock is."""

    def __init__(self, *, service_id: str, key: bytes) -> None:
        self.clock_off = timedelta()
        self._service_id = service_id
        self._key = key
        self._lock = threading.Lock()
        self.questions: dict[str, Question] = {}

    def answer(self, call: Call) -> Reply | None:
        """As `Simulator` says."""
        if call.path == f"{BASE}/phone":
            return self._phone() if call.method == "GET" else self._decide(call)
        name = call.path.removeprefix(_API)
        if call.method != "POST" or not call.path.startswith(_API) or name not in _COVERED:
            return None
        if call.body.get("sp_service_id") != self._service_id or not self._is_ours(name, call.body):
            return self._error(name, "INV_SP_CHECKSUM")
        return self._result(call.body) if name == "getAthOrSignResult" else self._ticket(name, call.body)

    def decide(self, answer: str) -> None:
        """Whoever was asked last says yes or no."""
        list(self.questions.values())[-1].answer = answer

    def now(self) -> datetime:
        """What the ministry's clock shows."""
        return datetime.now(UTC) + self.clock_off

    def _ticket(self, name: str, body: Mapping[str, Any]) -> Reply:
        person = of_number(str(body.get("id_num")))
        if person is None:
            return self._error(name, "IDNUM_USERPROF_NF")
        transaction = str(body["transaction_id"])
        until = self.now() + timedelta(seconds=int(body.get("time_limit", 300)))
        with self._lock:
            if any(one.transaction == transaction for one in self.questions.values()):
                return self._error(name, "TXNLOG_INS_ERR")
            while len(self.questions) >= KEPT_MOST:
                self.questions.pop(next(iter(self.questions)))
            ticket_id = secrets.token_hex(16)
            self.questions[ticket_id] = Question(person, transaction, str(body.get("hint", "")), until)
        held = {
            "transaction_id": transaction,
            "sp_ticket_id": ticket_id,
            "op_code": body["op_code"],
            "op_mode": body.get("op_mode", ""),
            "sp_service_id": self._service_id,
            "sp_name": "Gatepost",
            "hint": body.get("hint", ""),
            "expiration_time": until.isoformat(),
            "hashed_id_num": _hashed(person),
            "version": "1",
        }
        coded = base64.urlsafe_b64encode(json.dumps(held).encode()).rstrip(b"=").decode()
        ticket = f"{coded}.{hashlib.sha256(coded.encode()).hexdigest()}"
        return self._told(f"{transaction}0{ticket}", {"sp_ticket": ticket})

    def _result(self, body: Mapping[str, Any]) -> Reply:
        name = "getAthOrSignResult"
        found = self.questions.get(str(body.get("sp_ticket_id")))
        if found is None or found.transaction != body.get("transaction_id"):
            return self._error(name, "SPTKTID_TXNLOG_NF")
        if found.answer == "no":
            return self._error(name, "APP_USER_CANCEL")
        if not found.answer:
            return self._error(name, "SPTKT_OVD" if self.now() > found.until else "20003")
        hashed = _hashed(found.person)
        return self._told(f"{found.transaction}0{hashed}", {"hashed_id_num": hashed})

    def _told(self, covered: str, result: Mapping[str, str]) -> Reply:
        nonce = os.urandom(12)
        checksum = (nonce + AESGCM(self._key).encrypt(nonce, _hex(covered), None)).hex()
        return told({"error_code": "0", "error_message": "", "result": {**result, "idp_checksum": checksum}})

    def _error(self, name: str, code: str) -> Reply:
        whole = code if code.isdigit() else f"SP-API-ATH-{_INTERFACES[name]}-{code}"
        return told({"error_code": whole, "error_message": code})

    def _is_ours(self, name: str, body: Mapping[str, Any]) -> bool:
        signed = str((body.get("sign_info") or {}).get("sign_data", ""))
        covered = "".join(str(body.get(field, "")) for field in _COVERED[name]) + signed
        try:
            sealed = bytes.fromhex(str(body.get("sp_checksum", "")))
            return AESGCM(self._key).decrypt(sealed[:12], sealed[12:], None) == _hex(covered)
        except (InvalidTag, ValueError):
            return False

    def _phone(self) -> Reply:
        waiting = [(key, one) for key, one in self.questions.items() if not one.answer and self.now() < one.until]
        if not waiting:
            numbers = "".join(f"<li>{escape(one.name)} {one.number}</li>" for one in PEOPLE.values())
            return page("行動自然人憑證 App", f"<p>沒有等待確認的要求。Nothing waits.</p><ul>{numbers}</ul>")
        return page("行動自然人憑證 App", "".join(_asked(key, one) for key, one in reversed(waiting)))

    def _decide(self, call: Call) -> Reply:
        found = self.questions.get(call.fields.get("ticket", ""))
        if found is not None:
            found.answer = "yes" if call.fields.get("answer") == "yes" else "no"
        return sent_to(f"{BASE}/phone")


def _asked(key: str, one: Question) -> str:
    return (
        f'<form method="post" action="{BASE}/phone"><p><b>{escape(one.hint)}</b><br>{escape(one.person.name)}</p>'
        f'<input type="hidden" name="ticket" value="{escape(key)}">'
        '<button class="first" name="answer" value="yes">指紋確認 Confirm</button>'
        '<button name="answer" value="no">取消 Cancel</button></form>'
    )


def _hashed(person: Person) -> str:
    return hashlib.sha256(person.number.encode()).hexdigest()


def _hex(covered: str) -> bytes:
    return hashlib.sha256(covered.encode()).hexdigest().encode()
