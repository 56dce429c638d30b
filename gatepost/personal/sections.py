"""The sections of a copy: each a small function that gives the rows of one kind, as plain values with stable keys.

Another table that names an account gets a function here or a reason in `tables.py`; a test asks for one of the two.
Nobody else is named in a copy: neither another guardian nor a person of the school. Keys, secrets and digests are not
given; one's own ID number is masked. What a key means stands in `docs/protocols/own-data.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gatepost.access import queries
from gatepost.access.models import Role
from gatepost.accounts.models import Account, Device, EmailChange, Passkey
from gatepost.allowances.models import Grant
from gatepost.attendance import digests
from gatepost.attendance.models import Leave
from gatepost.audit.models import Entry
from gatepost.circulars.models import Receipt
from gatepost.guardians.applications.models import Applicant, Application, Consent
from gatepost.guardians.models import Guardianship, Right
from gatepost.guardians.proofs import ProvenNumber
from gatepost.notify import quiet
from gatepost.notify.models import Address, Subscription
from gatepost.roster import identity_numbers
from gatepost.roster.models import GuardianRecord, SealedIdentity, Staff
from gatepost.sso.models import Consent as ServiceConsent
from gatepost.sso.models import ServiceSession
from gatepost.surveys.models import Reply
from gatepost.upstream.models import Link

Row = dict[str, Any]
ROWS_MOST = 5_000  # of one section; the newest


@dataclass(frozen=True, slots=True)
class Whose:
    """The account, the children it may see by name, and the moment."""

    account: Account
    seen: dict[UUID, str]
    now: datetime

    def child(self, student_id: UUID | None) -> str | None:
        """The name of a child, where it may be said now."""
        return self.seen.get(student_id) if student_id else None


@dataclass(frozen=True, slots=True)
class Section:
    """`rows` gives it; `columns` are the keys that the readable copy shows."""

    name: str
    title: Promise
    rows: Callable[[Whose], list[Row]]
    columns: tuple[str, ...]


def account(whose: Whose) -> list[Row]:
    one = whose.account
    return [
        {"email": one.email, "name": one.name, "language": one.language, "at": one.created_at, "last": one.last_login}
    ]


def sign_in(whose: Whose) -> list[Row]:
    """Ways to sign in, without what they open with."""
    mine = whose.account
    rows: list[Row] = [{"what": "password", "name": "", "at": None, "last": None, "ended_at": None}]
    if not mine.has_usable_password():
        rows = []
    rows += [
        {"what": "passkey", "name": one.name, "at": one.made_at, "last": one.last_used_at, "ended_at": None}
        for one in Passkey.objects.filter(account=mine)
    ]
    rows += [
        {"what": one.provider, "name": "", "at": one.linked_at, "last": None, "ended_at": one.ended_at}
        for one in Link.objects.filter(account=mine)
    ]
    rows += [
        {"what": "email_change", "name": one.new, "at": one.asked_at, "last": one.done_at, "ended_at": one.undone_at}
        for one in EmailChange.objects.filter(account=mine)
    ]
    return rows


def devices(whose: Whose) -> list[Row]:
    found = Device.objects.filter(account=whose.account).order_by("-last_seen_at")[:ROWS_MOST]
    return [
        {
            "browser": one.browser,
            "system": one.system,
            "network": one.network,
            "at": one.opened_at,
            "last": one.last_seen_at,
        }
        for one in found
    ]


def id_numbers(whose: Whose) -> list[Row]:
    """That a number is proven, how and since when. The number itself is kept as a digest, which nobody can read."""
    found = ProvenNumber.objects.filter(account=whose.account).order_by("pk")
    return [{"what": one.how, "at": one.proven_at, "ended_at": one.ended_at} for one in found]


def school_records(whose: Whose) -> list[Row]:
    """What the schools of one's children have recorded of this very person, known by the ID number that they proved."""
    digests = ProvenNumber.objects.filter(account=whose.account, ended_at=None).values_list("digest", flat=True)
    found = GuardianRecord.objects.filter(id_number_digest__in=list(digests), student__in=list(whose.seen))
    return [
        {
            "child": whose.child(one.student_id),
            "name": one.name,
            "relation": one.relation,
            "mobile": one.mobile,
            "email": one.email,
            "id_number": _masked(one),
        }
        for one in found.order_by("pk")
    ]


def addresses(whose: Whose) -> list[Row]:
    """Email and mobile in full; of LINE and the app the name by which their owner knows them."""
    return [
        {
            "channel": one.channel,
            "target": one.target if one.channel in ("email", "sms") else one.label,
            "at": one.verified_at,
            "ended_at": one.disabled_at,
            "because": one.disabled_because,
        }
        for one in Address.objects.filter(account=whose.account).order_by("channel", "pk")
    ]


def subscriptions(whose: Whose) -> list[Row]:
    found = Subscription.objects.filter(recipient__account=whose.account, recipient__about__in=list(whose.seen))
    return [
        {
            "child": whose.child(one.recipient.about),
            "topic": one.topic,
            "channel": one.address.channel,
            "at": one.since,
        }
        for one in found.select_related("recipient", "address").order_by("pk")[:ROWS_MOST]
    ]


def quiet_hours(whose: Whose) -> list[Row]:
    one = quiet.of(whose.account)
    if one is None:
        return []
    starts, ends = one.starts.isoformat("minutes"), one.ends.isoformat("minutes")
    return [{"starts": starts, "ends": ends, "timezone": one.timezone, "routine_off_since": one.routine_off_since}]


def daily_summary(whose: Whose) -> list[Row]:
    """The hour of the daily summary, and where it goes."""
    chosen = digests.of(whose.account)
    if chosen is None:
        return []
    digest, address = chosen
    return [{"starts": digest.at.isoformat("minutes"), "timezone": digest.timezone, "target": address.target}]


def bonds(whose: Whose) -> list[Row]:
    """One's bonds, ended ones too; the child is named where one may see it now."""
    return [
        {
            "child": whose.child(one.student_id),
            "relation": one.relation,
            "rights": [right.value for right in Right if getattr(one, right.column) is not None],
            "source": one.source,
            "at": one.verified_at,
            "ended_at": one.ended_at,
            "because": one.ended_because,
        }
        for one in Guardianship.objects.filter(account=whose.account).order_by("pk")
    ]


def applications(whose: Whose) -> list[Row]:
    """Oneself in applications of the family: as one typed it. Whoever applied beside is not in it."""
    mine = Applicant.objects.filter(account=whose.account).select_related("application").order_by("pk")
    return [_applicant(one, whose) for one in mine if one.application.student_id in whose.seen]


def _applicant(one: Applicant, whose: Whose) -> Row:
    return {
        "child": whose.child(one.application.student_id),
        "name": one.name,
        "relation": one.relation,
        "mobile": one.mobile,
        "email": one.email,
        "id_number": _masked(one),
        "state": one.application.state.value,
        "at": one.application.submitted_at,
    }


def claims(whose: Whose) -> list[Row]:
    """Children one asked for. What was typed is in it only where the child may be seen: whether it fits is not told."""
    found = Application.objects.filter(account=whose.account).select_related("claim__school").order_by("opened_at")
    return [
        {
            "school": one.claim.school.short_name if hasattr(one, "claim") else "",
            "child": whose.child(one.student_id) if one.decision == Application.Decision.APPROVED else None,
            "state": one.state.value,
            "at": one.submitted_at,
            "ended_at": one.decided_at or one.withdrawn_at,
        }
        for one in found[:ROWS_MOST]
        if one.decision != Application.Decision.APPROVED or one.student_id in whose.seen
    ]


def consents(whose: Whose) -> list[Row]:
    """Answers to the notice on personal data, of one's own and of the family's applications."""
    own = Consent.objects.filter(account=whose.account) | Consent.objects.filter(
        application__applicants__account=whose.account, account=None
    )
    own = own | Consent.objects.filter(application__account=whose.account)
    found = own.select_related("application").distinct().order_by("at", "pk")
    return [
        {
            "child": whose.child(one.application.student_id),
            "purpose": one.purpose,
            "version": one.version,
            "language": one.language,
            "answer": one.answer,
            "at": one.at,
            "ended_at": one.withdrawn_at,
        }
        for one in found[:ROWS_MOST]
        if one.application.account_id or one.application.student_id in whose.seen
    ]


def services(whose: Whose) -> list[Row]:
    """Services that were given something, and what; which children stands with each child."""
    found = ServiceConsent.objects.filter(account=whose.account).select_related("service").order_by("given_at")
    return [
        {"service": one.service.name, "scopes": one.scopes, "at": one.given_at, "ended_at": one.withdrawn_at}
        for one in found[:ROWS_MOST]
    ]


def service_sessions(whose: Whose) -> list[Row]:
    found = ServiceSession.objects.filter(account=whose.account).select_related("service").order_by("-opened_at")
    return [
        {"service": one.service.name, "at": one.opened_at, "ended_at": one.ended_at, "because": one.ended_because}
        for one in found[:ROWS_MOST]
    ]


def text_messages(whose: Whose) -> list[Row]:
    """Months of short messages asked for."""
    found = Grant.objects.filter(account=whose.account, student__in=list(whose.seen)).order_by("month", "pk")
    return [
        {"child": whose.child(one.student_id), "month": one.month, "at": one.asked_at, "state": one.state}
        for one in found[:ROWS_MOST]
    ]


def leaves(whose: Whose) -> list[Row]:
    """Leave that one asked for oneself, for children one may see."""
    found = Leave.objects.filter(asked_by=whose.account, student__in=list(whose.seen)).order_by("-asked_at")
    return [
        {
            "child": whose.child(one.student_id),
            "first_date": one.first_date,
            "last_date": one.last_date,
            "what": one.kind,
            "at": one.asked_at,
        }
        for one in found[:ROWS_MOST]
    ]


def receipts(whose: Whose) -> list[Row]:
    """Class notices that one has read or signed, for children one may see."""
    found = Receipt.objects.filter(account=whose.account, addressee__student__in=list(whose.seen))
    return [
        {
            "child": whose.child(one.addressee.student_id),
            "what": one.addressee.circular.title,
            "at": one.read_at,
            "signed_at": one.signed_at,
            "text": one.reply,
        }
        for one in found.select_related("addressee__circular").order_by("-read_at", "-pk")[:ROWS_MOST]
    ]


def surveys(whose: Whose) -> list[Row]:
    """What one answered, until the survey is forgotten."""
    found = Reply.objects.filter(account=whose.account).select_related("survey").prefetch_related("answers")
    return [
        {
            "what": one.survey.kind,
            "term": f"{one.survey.year}{one.survey.term}",
            "answers": {answer.question: answer.value for answer in one.answers.all()},
            "text": one.text,
        }
        for one in found
    ]


def roles(whose: Whose) -> list[Row]:
    """Roles, and how a school has recorded one as somebody who works there."""
    held = Role.objects.filter(account=whose.account).select_related("school").order_by("granted_at")
    rows: list[Row] = [
        {
            "what": one.name,
            "school": one.school.short_name if one.school else "",
            "at": one.granted_at,
            "ended_at": one.ended_at or one.valid_until,
        }
        for one in held
    ]
    staff = Staff.objects.filter(account=whose.account).select_related("school")
    rows += [
        {"what": one.title or "staff", "school": one.school.short_name, "at": None, "ended_at": one.left_on}
        for one in staff
    ]
    return rows


def acts(whose: Whose) -> list[Row]:
    """What one did here, from the log of acts: what and when, and the child where one may see it."""
    found = Entry.objects.filter(actor_id=whose.account.pk).order_by("-at", "-pk")[:ROWS_MOST]
    return [{"at": one.at, "what": one.action, "child": whose.child(one.about)} for one in found]


OF_ACCOUNT = (
    Section("account", _("Account"), account, ("email", "name", "language", "at", "last")),
    Section("sign_in", _("Ways to sign in"), sign_in, ("what", "name", "at", "last")),
    Section("devices", _("Where you are signed in"), devices, ("browser", "system", "network", "last")),
    Section("id_numbers", _("Proven ID numbers"), id_numbers, ("what", "at", "ended_at")),
    Section(
        "school_records", _("What the school has recorded of you"), school_records, ("child", "name", "mobile", "email")
    ),
    Section("addresses", _("Addresses"), addresses, ("channel", "target", "at", "ended_at")),
    Section("subscriptions", _("Chosen messages"), subscriptions, ("child", "topic", "channel", "at")),
    Section("quiet_hours", _("Quiet hours"), quiet_hours, ("starts", "ends")),
    Section("daily_summary", _("Daily summary"), daily_summary, ("starts", "target")),
    Section("bonds", _("Bonds with children"), bonds, ("child", "relation", "at", "ended_at")),
    Section("applications", _("Applications"), applications, ("child", "name", "id_number", "state", "at")),
    Section("claims", _("Children asked for"), claims, ("school", "child", "state", "at")),
    Section("consents", _("Consents"), consents, ("child", "purpose", "version", "answer", "at")),
    Section("services", _("Services"), services, ("service", "scopes", "at", "ended_at")),
    Section("service_sessions", _("Sign-ins to services"), service_sessions, ("service", "at", "ended_at")),
    Section("text_messages", _("Text messages"), text_messages, ("child", "month", "state", "at")),
    Section("leave_asked_for", _("Leave asked for"), leaves, ("child", "first_date", "last_date", "what")),
    Section("receipts", _("Class notices"), receipts, ("child", "what", "signed_at", "text")),
    Section("surveys", _("Satisfaction survey"), surveys, ("term", "answers", "text")),
    Section("roles", _("Roles"), roles, ("what", "school", "at", "ended_at")),
    Section("acts", _("What you did here"), acts, ("at", "what", "child")),
)


def _masked(one: SealedIdentity) -> str | None:
    number = one.open_id_number(settings.KEY_RING)
    return identity_numbers.mask(number) if number else None


def visible(whose: Account, right: Right = Right.SEE) -> dict[UUID, str]:
    """The children that `whose` may see (or what `right` says) at this moment, by name."""
    return dict(queries.children(whose, right).values_list("pk", "name"))


def plain(value: Any) -> Any:
    """A value as JSON holds it: moments in UTC with their offset, days as they are written."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"nothing a copy may hold: {type(value).__name__}")
