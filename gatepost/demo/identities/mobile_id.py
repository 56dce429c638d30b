"""The portal for telephone numbers, with a telephone company that knows the invented people."""

import hashlib
import json
import secrets
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

from gatepost.demo.identities.people import Person, of_number
from gatepost.demo.identities.server import Call, Reply, page, told

BASE = "/mid/IDPortal"
KEPT_MOST = 200
_HEAD = ("BusinessNo", "ApiVersion", "HashKeyNo", "VerifyNo")


@dataclass(frozen=True)
class Question:
    verify_no: str
    back: str
    person: Person | None  # whose telephone number it is
    ca_type: str


class MobileId:
    """One registered business."""

    def __init__(self, *, business_no: str, key_no: str, key: str) -> None:
        self._business = (business_no, key_no)
        self._key = key
        self._lock = threading.Lock()
        self._questions: dict[str, Question] = {}

    def answer(self, call: Call) -> Reply | None:
        """As `Simulator` says."""
        if call.method != "POST" or call.path not in (f"{BASE}/Login", f"{BASE}/DO"):
            return None
        return self._login(call.fields) if call.path.endswith("/Login") else self._ask(call.fields)

    def found(self, token: str, *, agreed: bool) -> dict[str, str]:
        """What is posted back: the company says yes where the person agrees and the number is theirs."""
        asked = self._questions[token]
        right = agreed and asked.person is not None
        fields = {
            "BusinessNo": self._business[0],
            "ApiVersion": "1.0",
            "HashKeyNo": self._business[1],
            "VerifyNo": asked.verify_no,
            "MemberNoMapping": asked.person.key if asked.person else "",
            "Token": token,
            "CAType": asked.ca_type,
            "ResultCode": "S" if right else "F",
            "ReturnCode": "0" if right else "7001",
            "ReturnCodeDesc": "成功" if right else "驗證未通過",
        }
        return {**fields, "IdentifyNo": self._identify(fields.values())}

    def _login(self, fields: Mapping[str, str]) -> Reply:
        covered = [fields.get(name, "") for name in (*_HEAD, "ReturnParams", "InputParams")]
        if not self._is_ours(fields, covered):
            return told({"ResultCode": "F", "ReturnCode": "7000", "ReturnCodeDesc": "IdentifyNo"})
        asked = json.loads(fields["InputParams"])
        phone = asked["MIDInputParams"]["MIDwInputParams"]["Msisdn"]
        person = of_number(asked["MemberNo"])
        token = secrets.token_hex(16)
        with self._lock:
            while len(self._questions) >= KEPT_MOST:
                self._questions.pop(next(iter(self._questions)))
            known = person if person and person.mobile == phone else None
            self._questions[token] = Question(fields["VerifyNo"], fields["ReturnURL"], known, asked["CAType"])
        head = {name: fields[name] for name in _HEAD}
        output = json.dumps({"Token": token})
        return told({**head, "ResultCode": "S", "ReturnCode": "0", "ReturnCodeDesc": "", "OutputParams": output})

    def _ask(self, fields: Mapping[str, str]) -> Reply:
        token = fields.get("Token", "")
        covered = [fields.get(name, "") for name in (*_HEAD, "Token")]
        if token not in self._questions or not self._is_ours(fields, covered):
            return Reply(b"Unknown request.", 400)
        back = self._questions[token].back
        yes, no = (_form(back, self.found(token, agreed=agreed)) for agreed in (True, False))
        return page(
            "手機電信驗證 Mobile ID",
            f'{yes}<button class="first">同意驗證門號 Agree</button></form>{no}<button>取消 Cancel</button></form>',
        )

    def _is_ours(self, fields: Mapping[str, str], covered: list[str]) -> bool:
        business = (fields.get("BusinessNo"), fields.get("HashKeyNo"))
        return business == self._business and fields.get("IdentifyNo") == self._identify(covered)

    def _identify(self, covered: Iterable[str]) -> str:
        return hashlib.sha256("".join((*covered, self._key)).encode("utf-16-le")).hexdigest()


def _form(back: str, fields: Mapping[str, str]) -> str:
    held = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in fields.items())
    return f'<form method="post" action="{escape(back)}">{held}'
