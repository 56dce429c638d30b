"""The city's survey of a term: how content families are with Gatepost (系統滿意度調查).

Voluntary, once for each account, changeable until the end. Results come when it is over and not before: two looks with
one reply between them would show that reply.
"""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.roster.models import District
from gatepost.roster.roc_dates import term_of
from gatepost.surveys.models import Answer, Reply, Survey

TEXT_CHARACTERS_MAX = 500
QUESTIONS: dict[str, Promise] = {
    "messages": _("The messages about arrival and departure come in time, and I can rely on them."),
    "pages": _("I find what I am looking for."),
    "signing_in": _("Signing in is easy, and feels safe."),
    "privacy": _("I know who sees my child’s data, and what for."),
    "overall": _("All in all, I am content with Gatepost."),
}
SCALE: dict[int, Promise] = {
    5: _("Fully agree"),
    4: _("Mostly agree"),
    3: _("Partly"),
    2: _("Mostly disagree"),
    1: _("Fully disagree"),
}


class SurveyRefused(Exception):
    """It cannot be done. `code`: closed (no answers are taken now), over (results stand, the period is what it was),
    backwards (it ends before it begins), past (it would end before now), empty (nothing was answered)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def all_of_them() -> QuerySet[Survey]:
    """Every one of the city's, the newest first."""
    return Survey.objects.filter(kind=Survey.Kind.SATISFACTION, school=None).order_by("-year", "-term")


def open_at(now: datetime) -> Survey | None:
    """The one that takes answers now."""
    return all_of_them().filter(opens_at__lte=now, closes_at__gt=now).first()


def coming(now: datetime) -> Survey | None:
    """The next one that has not begun."""
    return all_of_them().filter(opens_at__gt=now).order_by("opens_at").first()


def set_period(day: date, *, opens_at: datetime, closes_at: datetime, by: Account, now: datetime) -> Survey:
    """When the survey of the term of `day` takes answers; can be moved until it is over. Raises `SurveyRefused`."""
    if closes_at <= opens_at:
        raise SurveyRefused("backwards")
    if closes_at <= now:
        raise SurveyRefused("past")
    year, term = term_of(day)
    with transaction.atomic():
        found, made = Survey.objects.select_for_update().get_or_create(
            kind=Survey.Kind.SATISFACTION,
            school=None,
            year=year,
            term=term,
            defaults={"opens_at": opens_at, "closes_at": closes_at, "set_by": by},
        )
        if not made:
            if found.closes_at <= now:
                raise SurveyRefused("over")
            found.opens_at, found.closes_at, found.set_by = opens_at, closes_at, by
            found.save(update_fields=["opens_at", "closes_at", "set_by"])
        entries.record("survey:set", by=by, survey=found.pk)
    return found


def reply_of(survey: Survey, account_id: UUID) -> Reply | None:
    """What the account answered so far."""
    return Reply.objects.filter(survey=survey, account_id=account_id).prefetch_related("answers").first()


def reply(
    survey: Survey, account: Account, answers: Mapping[str, int], text: str, *, district: District | None, now: datetime
) -> None:
    """Keep the answers of `account`, in place of those from before. No entry is made: nobody is to know who answered.

    `answers` are steps of the scale by question. Raises `SurveyRefused` (closed, empty).
    """
    kept = {question: value for question, value in answers.items() if question in QUESTIONS and value in SCALE}
    if not kept and not text.strip():
        raise SurveyRefused("empty")
    with transaction.atomic():
        standing = Survey.objects.select_for_update(no_key=True).get(pk=survey.pk)  # two windows, one reply
        if not standing.opens_at <= now < standing.closes_at:
            raise SurveyRefused("closed")
        values = {"language": account.language, "district": district, "text": text.strip()[:TEXT_CHARACTERS_MAX]}
        row, _made = Reply.objects.update_or_create(survey=survey, account=account, defaults=values)
        row.answers.all().delete()
        Answer.objects.bulk_create(
            [Answer(reply=row, question=question, value=value) for question, value in kept.items()]
        )


def take_back(survey: Survey, account_id: UUID, *, now: datetime) -> bool:
    """Forget the reply, while the survey is open. Returns whether there was one."""
    if not survey.opens_at <= now < survey.closes_at:
        return False
    gone, _by_table = Reply.objects.filter(survey=survey, account_id=account_id).delete()
    return bool(gone)
