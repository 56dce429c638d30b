"""Who the two services are: fees and clubs, both invented."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

HOST: Final = "127.0.0.1"  # not a setting: it is for trying things out on this machine


@dataclass(frozen=True)
class Offer:
    """One service. It has no secret, as an app has none: everybody could read it here."""

    path: str
    client_id: str
    name: str
    about: str
    answers_name: str
    answers_email: str
    reasons: Mapping[str, str]  # by scope
    mark: str  # the one character of its picture
    colour: str
    rows: tuple[tuple[str, str], ...]  # what it shows beside each child, all invented

    @property
    def scope(self) -> str:
        """What it asks for."""
        return " ".join(("openid", *self.reasons))

    def address(self, port: int, page: str = "") -> str:
        """One of its addresses on this machine."""
        return f"http://{HOST}:{port}/{self.path}/{page}"


FEES: Final = Offer(
    path="fees",
    client_id="demonstration-fees",
    name="學雜費繳費",
    about="查詢並繳交學費、雜費與代收款（示範服務）。",
    answers_name="示範市教育局 學雜費專案",
    answers_email="fees@gatepost.example",
    reasons={"profile": "在頁面上稱呼您。", "children": "顯示每個孩子的繳費單。"},
    mark="費",
    colour="#1f6f54",
    rows=(("學雜費", "3,250 元，已繳"), ("午餐費", "1,980 元，12/15 前繳交")),
)
CLUBS: Final = Offer(
    path="clubs",
    client_id="demonstration-clubs",
    name="社團報名",
    about="課後社團的選填與錄取結果（示範服務）。",
    answers_name="示範市教育局 社團專案",
    answers_email="clubs@gatepost.example",
    reasons={"profile": "在頁面上稱呼您。", "email": "寄送錄取通知。", "children": "依年級顯示可報名的社團。"},
    mark="社",
    colour="#6a4a9c",
    rows=(("桌遊社", "星期三 16:00，還有 5 個名額"), ("合唱團", "星期四 16:00，已額滿")),
)
OFFERS: Final = (FEES, CLUBS)
