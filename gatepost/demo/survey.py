"""The satisfaction survey of the last term with what families answered, and one that takes answers now."""

import random
from datetime import datetime, timedelta
from typing import Final

from gatepost.accounts.models import Account
from gatepost.demo import cast
from gatepost.demo.residents import ZONE
from gatepost.guardians.models import Guardianship
from gatepost.kit.clock import local_date, local_midnight
from gatepost.roster.models import District
from gatepost.roster.roc_dates import term_of
from gatepost.surveys.models import Answer, Reply, Survey
from gatepost.surveys.satisfaction import QUESTIONS

ASKED_MOST: Final = 400
HALF_A_YEAR: Final = timedelta(days=183)  # back from any day of a term lies the term before
OPEN_FOR: Final = timedelta(days=14)
ANSWERS: Final = 0.4  # of those who were asked
PASSED_OVER: Final = 0.05
# How often a step of the scale is chosen, from 1 to 5. People know less about who sees their data than about the rest.
LIKED: Final = (2, 5, 15, 38, 40)
DOUBTED: Final = (8, 16, 30, 28, 18)
TEXTS: Final = (
    "希望假日前一天能提醒隔天不上課。",
    "奶奶看得懂越南文的通知，謝謝。",
    "早上上班時看到孩子到校就安心了。",
    "讀卡機前面放學時排很長。",
    "想知道誰看過孩子的資料，後來在首頁找到了。",
)


def ask(*, seed: int, now: datetime) -> None:
    """Put both there. The guardian to sign in as has answered neither."""
    bureau = Account.objects.get(email=cast.BUREAU.email)
    today = local_date(now, ZONE)
    over = _survey(local_midnight(today - HALF_A_YEAR, ZONE), bureau)
    _survey(local_midnight(today - timedelta(days=3), ZONE), bureau, of=now)
    _answer(over, random.Random(f"survey {seed}"))  # noqa: S311 — repeatable, not secret


def _survey(opens_at: datetime, bureau: Account, *, of: datetime | None = None) -> Survey:
    year, term = term_of(local_date(of or opens_at, ZONE))
    return Survey.objects.create(
        kind=Survey.Kind.SATISFACTION,
        year=year,
        term=term,
        opens_at=opens_at,
        closes_at=opens_at + OPEN_FOR,
        set_by=bureau,
    )


def _answer(survey: Survey, chance: random.Random) -> None:
    replies = [
        Reply(survey=survey, account=account, language=account.language, district=district)
        for account, district in _asked()
        if chance.random() < ANSWERS
    ]
    for text, reply in zip(TEXTS, chance.sample(replies, min(len(TEXTS), len(replies))), strict=False):
        reply.text = text
    Reply.objects.bulk_create(replies)
    Answer.objects.bulk_create(
        [
            Answer(reply=reply, question=question, value=_step(question, chance))
            for reply in replies
            for question in QUESTIONS
            if chance.random() >= PASSED_OVER
        ],
        batch_size=2_000,
    )


def _asked() -> list[tuple[Account, District]]:
    """Guardians, each with the district of a child's school."""
    bonds = Guardianship.objects.filter(verified_at__isnull=False, ended_at=None)
    bonds = bonds.exclude(account__email=cast.GUARDIAN.email).select_related("account", "student__school__district")
    found = {bond.account_id: bond for bond in bonds.order_by("pk")[:ASKED_MOST]}
    return [(bond.account, bond.student.school.district) for bond in found.values()]


def _step(question: str, chance: random.Random) -> int:
    weights = DOUBTED if question == "privacy" else LIKED
    return chance.choices(range(1, 6), weights)[0]
