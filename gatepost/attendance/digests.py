"""One message a day about all children of a guardian, in place of one for each arrival and departure.

Choosing it is a subscription to a topic about oneself: the guardian's account is a recipient of news about itself, and
everything that holds for a delivery holds for this one. The notice is unique by account and day, and holds no word of a
child: what it says is looked up when it is sent, by the bonds that let it be said then.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from gatepost.accounts.models import Account
from gatepost.attendance import digest_words
from gatepost.attendance.digest_words import children_told
from gatepost.attendance.models import Digest
from gatepost.attendance.notices import ARRIVED, LEFT
from gatepost.audit import entries
from gatepost.guardians import bonds
from gatepost.guardians.models import Right
from gatepost.kit.clock import local_date
from gatepost.notify import notices, recipients
from gatepost.notify.models import Address, Channel, Recipient, Subscription
from gatepost.notify.topics import Topic

DIGEST = "digest"
INSTEAD_OF = (ARRIVED, LEFT)
CHANNELS = (Channel.EMAIL, Channel.LINE)  # where a message of several lines can be read
HOURS = range(12, 23)
AT_ONCE = 200
NEWS_FOR = timedelta(hours=6)


class DigestRefused(Exception):
    """Not possible; `code`: unproven (not a proven address of one's own on a channel that can carry it), stranger."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def of(account: Account) -> tuple[Digest, Address] | None:
    """What an account has chosen: when, and where. None where it has no digest."""
    chosen = Subscription.objects.filter(recipient__account=account, recipient__about=account.pk, topic=DIGEST)
    subscription = chosen.select_related("address").first()
    digest = Digest.objects.filter(pk=account.pk).first()
    return (digest, subscription.address) if subscription and digest else None


def choose(account: Account, address: Address, *, at: time, timezone: str, now: datetime) -> None:
    """From now on one message a day goes to `address` at the hour `at`, and no single ones about the same there.

    Raises `DigestRefused`, and changes nothing.
    """
    if address.account_id != account.pk or not address.is_usable or address.channel not in CHANNELS:
        raise DigestRefused("unproven")
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        if not bonds.in_force(Right.TOLD).filter(account=account).exists():
            raise DigestRefused("stranger")
        _single_again(account)
        recipient = recipients.open_for(account.pk, account.pk)
        Subscription.objects.create(recipient=recipient, topic=DIGEST, address=address)
        singles = Subscription.objects.filter(recipient__account=account, topic__in=INSTEAD_OF, address=address)
        replaced = [[str(about), topic] for about, topic in singles.values_list("recipient__about", "topic")]
        singles.delete()
        digest = Digest(account=account, at=at, timezone=timezone, replaced=replaced)
        digest.next_at = digest.after(now)
        digest.save(force_insert=True)
        entries.record("digest:chosen", by=account, address=address.pk)


def stop(account: Account, *, now: datetime) -> None:
    """No digest any more: the single messages it stood for come again where they came."""
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        _single_again(account)
        recipients.end_for(account.pk, account.pk, now=now)
        entries.record("digest:stopped", by=account)


def post_due(*, now: datetime) -> int:
    """Post up to `AT_ONCE` digests that are due, where a child has school that day. Returns how many were due.

    Which is due next is noted in the same transaction, and a day's notice is unique: a worker that dies posts none, or
    all of them once. What was due hours ago is not posted any more.
    """
    with transaction.atomic():
        due = list(
            Digest.objects.select_for_update(skip_locked=True).filter(next_at__lte=now).order_by("next_at")[:AT_ONCE]
        )
        days = {one.pk: local_date(one.next_at, one.timezone) for one in due if now < one.next_at + NEWS_FOR}
        told = {(pk, day) for day in set(days.values()) for pk in _with_school([*days], day)}
        posts = [_post(one, days[one.pk]) for one in due if (one.pk, days.get(one.pk)) in told]
        notices.post(posts, now=now)
        for one in due:
            one.next_at = one.after(now)
        Digest.objects.bulk_update(due, ["next_at"])
    return len(due)


def _with_school(account_ids: Sequence[UUID], day: date) -> set[UUID]:
    return set(children_told(account_ids, day).order_by().values_list("account_id", flat=True).distinct())


def _post(digest: Digest, day: date) -> notices.Post:
    return notices.Post(
        key=f"{DIGEST}:{digest.pk}",
        topic=DIGEST,
        about=digest.pk,
        on_date=day,
        data={"day": day.isoformat()},
        best_before=digest.next_at + NEWS_FOR,
    )


def _single_again(account: Account) -> None:
    """Undo what was chosen before, if anything. For a transaction that holds the account."""
    chosen = of(account)
    Subscription.objects.filter(recipient__account=account, topic=DIGEST).delete()
    Digest.objects.filter(pk=account.pk).delete()
    if chosen is None:  # given up by the link in a mail: then nothing of it comes back
        return
    digest, address = chosen
    standing = {str(one.about): one for one in Recipient.objects.filter(account=account, ended_at=None)}
    Subscription.objects.bulk_create(
        [
            Subscription(recipient=standing[about], topic=topic, address=address)
            for about, topic in digest.replaced
            if about in standing
        ],
        ignore_conflicts=True,
    )


TOPIC = Topic(
    DIGEST, _("Daily summary"), digest_words.words, personal=True, instead_of=INSTEAD_OF, fill=digest_words.fill
)
