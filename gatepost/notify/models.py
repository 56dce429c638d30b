import uuid
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce, Now

from gatepost.accounts.models import Account
from gatepost.notify import quiet  # noqa: F401 - Django looks for models here


class Channel(models.TextChoices):
    EMAIL = "email", "Email"
    LINE = "line", "LINE"
    PUSH = "push", "App"
    SMS = "sms", "SMS"


class Recipient(models.Model):
    """An account that may be told about somebody. Without one in force nothing about them leaves for that account.

    Opened and ended by the room that proved the bond, in the transaction that changes it. About itself an account is
    told what stands for news of several children; each of them is looked at when that is sent.
    """

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recipients")
    about = models.UUIDField()
    opened_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "about"], name="notify_recipient_once")]
        indexes = [models.Index(fields=["about"], name="notify_recipient_about")]

    def __str__(self) -> str:
        return str(self.pk)


class Address(models.Model):
    """Where a person can be reached on one channel. It counts after a code came back from it (`verified_at`).

    What came back since then, and what we ask when nothing did for long, is `proofs` and `checks`.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="addresses")
    channel = models.TextField(choices=Channel.choices)
    target = models.TextField()
    label = models.TextField(blank=True, db_default="")  # how its owner knows it, where the target says nothing to them
    verified_at = models.DateTimeField(null=True, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_because = models.TextField(blank=True)  # a code: bounced, refused
    proven_at = models.DateTimeField(null=True, blank=True)  # when something last came back; none: not since the code
    proven_by = models.TextField(blank=True, db_default="")  # what that was: a code of `proofs`
    asked_at = models.DateTimeField(null=True, blank=True)  # we asked whether it still reaches its owner …
    reminded_at = models.DateTimeField(null=True, blank=True)  # … and once more …
    lapsed_at = models.DateTimeField(null=True, blank=True)  # … and nothing came back: it counts as unproven since
    complained_at = models.DateTimeField(
        null=True, blank=True
    )  # its owner called our mail spam: safety alone goes there

    class Meta:
        verbose_name_plural = "addresses"
        constraints = [
            models.UniqueConstraint(fields=["account", "channel", "target"], name="notify_address_once"),
            models.CheckConstraint(
                condition=(models.Q(reminded_at=None) | models.Q(asked_at__isnull=False))
                & (models.Q(lapsed_at=None) | models.Q(reminded_at__isnull=False)),
                name="notify_address_asked_first",
            ),
        ]
        indexes = [
            models.Index(
                fields=["disabled_at"], name="notify_address_off", condition=models.Q(disabled_at__isnull=False)
            ),
            models.Index(fields=["target"], name="notify_address_line", condition=models.Q(channel="line")),
            models.Index(
                Coalesce("proven_at", "verified_at"),
                name="notify_address_silent",
                condition=models.Q(verified_at__isnull=False, disabled_at=None, asked_at=None)
                & ~models.Q(channel="sms"),
            ),
            models.Index(
                fields=["asked_at"],
                name="notify_address_asked",
                condition=models.Q(asked_at__isnull=False, lapsed_at=None),
            ),
            models.Index(
                fields=["complained_at"],
                name="notify_address_complained",
                condition=models.Q(complained_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_usable(self) -> bool:
        """Proven, and not switched off since."""
        return self.verified_at is not None and self.disabled_at is None

    @property
    def is_proven(self) -> bool:
        """Usable, and something came back from it not too long ago."""
        return self.is_usable and self.lapsed_at is None


class AddressProof(models.Model):
    """A code that went to an address, to see whether it comes back. The newest of an address counts; gone after a day.

    Not tied to the `Address` row: removing and adding it again must not reset the counting.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    channel = models.TextField(choices=Channel.choices)
    target = models.TextField()
    code_digest = models.BinaryField(max_length=32)
    asked_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["asked_at"], name="notify_proof_asked")]

    def __str__(self) -> str:
        return str(self.pk)


class LineLink(models.Model):
    """Somebody signed in was sent to LINE to link their account. Good once; see `line.links`."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    nonce_digest = models.BinaryField(max_length=32, unique=True)
    asked_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.pk)


class LineEvent(models.Model):
    """Something LINE told us, once: its id keeps a repeat from being new. What a person wrote is not kept."""

    event_id = models.TextField(primary_key=True)
    kind = models.TextField()  # LINE's word: follow, unfollow, accountLink, message
    user_id = models.TextField()
    happened_at = models.DateTimeField()  # by LINE's clock
    received_at = models.DateTimeField()
    reply_token = models.TextField(blank=True)
    nonce_digest = models.BinaryField(max_length=32, null=True)
    linked = models.BooleanField(default=False)  # LINE's word on an accountLink
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["happened_at"], name="notify_line_event_waiting", condition=models.Q(settled_at__isnull=True)
            ),
            models.Index(fields=["received_at"], name="notify_line_event_received"),
        ]

    def __str__(self) -> str:
        return self.event_id


class LineMonth(models.Model):
    """A month's messages on LINE: what we handed over, and what LINE says there is and went; see `line.budget`."""

    month = models.DateField(primary_key=True)  # its first day
    sent = models.PositiveIntegerField(default=0)
    quota = models.PositiveIntegerField(null=True, blank=True)  # none: not asked yet, or as many as you like
    used = models.PositiveIntegerField(default=0)  # what LINE had counted at `asked_at` …
    sent_when_asked = models.PositiveIntegerField(default=0)  # … and we
    asked_at = models.DateTimeField(null=True, blank=True)
    used_up_at = models.DateTimeField(null=True, blank=True)  # LINE refused one for it, and was not asked since

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"

    @property
    def used_by_now(self) -> int:
        """The best we know: LINE counts with a delay, and what others send from the same LINE account as well."""
        return max(self.sent, self.used + self.sent - self.sent_when_asked)


class SmsPart(models.Model):
    """A short message (or a part of a long one) as its gateway calls it, and what became of it.

    A receipt may come before we noted what it speaks of: then the delivery is not known yet. Codes stay without one.
    """

    reference = models.TextField(unique=True)
    delivery_id = models.BigIntegerField(null=True)
    on_date = models.DateField(null=True)
    noted_at = models.DateTimeField()
    asked_at = models.DateTimeField()  # when the gateway was last asked
    delivered_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    permanent = models.BooleanField(default=False)  # it failed, and this number will never work
    said = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(delivered_at__isnull=True) | models.Q(failed_at__isnull=True),
                name="notify_smspart_one_end",
            )
        ]
        indexes = [
            models.Index(fields=["delivery_id"], name="notify_smspart_delivery"),
            models.Index(
                fields=["asked_at"],
                condition=models.Q(delivered_at=None, failed_at=None),
                name="notify_smspart_open",
            ),
            models.Index(fields=["noted_at"], name="notify_smspart_noted"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Subscription(models.Model):
    """This recipient wants this topic at this address."""

    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="subscriptions")
    topic = models.TextField()
    address = models.ForeignKey(Address, on_delete=models.CASCADE, related_name="subscriptions")
    since = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recipient", "topic", "address"], name="notify_subscription_once")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class PushKey(models.Model):
    """The pair by which push services know us. A browser takes messages only from the one it was given."""

    public = models.TextField(unique=True)  # as browsers want it: a point of P-256 in base64url
    private_sealed = models.BinaryField()
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.pk)


class PushReceiver(models.Model):
    """A browser that takes push messages: where, and with which keys. Its address names it by this row's id.

    It belongs to the session in which it was put down: signing out there switches the address off.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    address = models.OneToOneField(Address, on_delete=models.CASCADE, related_name="receiver")
    endpoint = models.TextField(unique=True)
    p256dh = models.BinaryField(max_length=65)
    auth = models.BinaryField(max_length=16)
    key = models.ForeignKey(PushKey, on_delete=models.PROTECT, related_name="receivers")
    session_key = models.TextField()
    seen_at = models.DateTimeField()  # when the browser last said that it is there
    confirmed_at = models.DateTimeField(null=True)  # when it last said that a message came
    test_digest = models.BinaryField(max_length=32, null=True)  # of the word in the last test message; None: it came
    tested_at = models.DateTimeField(null=True)
    named_since = models.DateTimeField(null=True)  # its owner wants names on its lock screen; None: nobody is named

    class Meta:
        indexes = [models.Index(fields=["session_key"], name="notify_receiver_session")]

    def __str__(self) -> str:
        return str(self.pk)


class Notice(models.Model):
    """What we want to say, once: `key` keeps a repeat from saying it again. Partitioned by month of `on_date`."""

    id = models.BigIntegerField(primary_key=True)
    on_date = models.DateField()  # the day it speaks of
    key = models.TextField()
    topic = models.TextField()
    about = models.UUIDField()
    data = models.JSONField(default=dict)  # what the template fills in; no ID numbers, no addresses
    posted_at = models.DateTimeField()
    best_before = models.DateTimeField()
    follows = models.BigIntegerField(null=True)  # the notice it corrects: told to exactly those who got that one

    class Meta:
        db_table = "notify_notice"

    def __str__(self) -> str:
        return str(self.pk)


class Climb(models.Model):
    """A safety notice that waits for a sign that somebody read it; see `ladder`. Partitioned by month of `on_date`."""

    class End(models.TextChoices):
        DELIVERED = "delivered"  # a receipt came
        SEEN = "seen"  # a guardian looked at the child's line
        WITHDRAWN = "withdrawn"  # it is no longer so
        OVER = "over"  # no longer news, and nobody gave a sign
        CALLED = "called"  # nobody had given a sign; somebody at school then reached a guardian by telephone

    notice_id = models.BigIntegerField(primary_key=True)
    on_date = models.DateField()
    about = models.UUIDField()
    due_at = models.DateTimeField()  # when the next way is tried, if there was no sign
    until = models.DateTimeField()  # the notice's best-before
    rungs = models.SmallIntegerField(default=0)
    last_delivery_id = models.BigIntegerField(null=True)  # of the last rung; None while what was chosen stands alone
    exhausted_at = models.DateTimeField(null=True)  # since when there has been no other way
    ended_at = models.DateTimeField(null=True)
    ended_because = models.TextField(choices=End.choices, blank=True)
    proven_by = models.UUIDField(null=True)  # whose sign it was; who telephoned

    class Meta:
        db_table = "notify_climb"

    def __str__(self) -> str:
        return str(self.pk)


class Rung(models.Model):
    """One more way that was tried for a safety notice. Partitioned by month of `on_date`."""

    class Why(models.TextChoices):
        SILENT = "silent"  # nothing came back in time
        FAILED = "failed"  # what was sent before did not arrive
        UNADDRESSED = "unaddressed"  # what was chosen is switched off

    delivery_id = models.BigIntegerField(primary_key=True)
    on_date = models.DateField()
    notice_id = models.BigIntegerField()
    number = models.SmallIntegerField()
    account_id = models.UUIDField()
    to_another = models.BooleanField()  # somebody who had not been told before
    because = models.TextField(choices=Why.choices)
    made_at = models.DateTimeField()

    class Meta:
        db_table = "notify_rung"

    def __str__(self) -> str:
        return str(self.pk)


class Delivery(models.Model):
    """One notice to one address. States only move forward; a lease that ran out returns the row to the queue.

    queued → sending → sent → delivered, or failed (the world refused) or dropped (we decided not to: `because`).
    Those about somebody are found through the notices (`Delivery.of`): an index by `about` would be one more entry for
    each arrival.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        SENDING = "sending"
        SENT = "sent"  # the channel's server took it
        DELIVERED = "delivered"  # a receipt says so
        FAILED = "failed"
        DROPPED = "dropped"

    id = models.BigIntegerField(primary_key=True)
    on_date = models.DateField()
    notice_id = models.BigIntegerField()
    address_id = models.BigIntegerField()
    account_id = models.UUIDField()
    about = models.UUIDField()
    channel = models.TextField()
    state = models.TextField(choices=State.choices, default=State.QUEUED)
    due_at = models.DateTimeField()  # not before; while sending, when the lease runs out
    attempts = models.SmallIntegerField(default=0)
    because = models.TextField(
        blank=True
    )  # a code: stale, withdrawn, ended, unsubscribed, proven, unreachable, refused …
    response = models.TextField(blank=True)  # the last words of the channel's server
    settled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "notify_delivery"
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def of(
        cls, abouts: "Collection[uuid.UUID] | models.QuerySet[Any, Any]", **days: Any
    ) -> "models.QuerySet[Delivery]":
        """Deliveries about any of `abouts`; `days` narrows `on_date` as a filter does: `on_date__in=…`."""
        said = Notice.objects.filter(about__in=abouts, **days).values("pk")
        return cls.objects.filter(notice_id__in=said, **days)
