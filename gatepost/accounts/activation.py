"""Opening an account under a proven email, by a link that only its mailbox gets.

Who was approved has an `Activation`. A mail brings a link, good once and for seven days; behind it a password is set,
or, where the email already has an account, its owner confirms by signing in. Nobody learns from here whether an account
exists: every question has one answer.

The city's documented first password (the last six characters of the applicant's ID number) does the same where the
operator allows it: it opens nothing by itself, but has a code sent to the same mailbox.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from gatepost.accounts.attempts import take
from gatepost.accounts.models import Account, Activation, ActivationMail
from gatepost.audit import entries

LINK_GOOD_FOR = timedelta(days=7)
CODE_GOOD_FOR = timedelta(minutes=15)
SIGN_IN_CODE_GOOD_FOR = timedelta(minutes=10)
FIRST_PASSWORD_GOOD_FOR = timedelta(days=7)
RENEWED_FOR = timedelta(days=90)
TRIES_MOST = 5
MAILS_A_DAY = 5  # to one mailbox, whoever asks
FIRST_PASSWORD_CHARACTERS = 6
FIRST_PASSWORDS_A_DAY = 5  # tries for one email
ADDRESS_TRIES_AN_HOUR = 60  # from one network address: a school sits behind one on the evening of enrolment
CHANNEL = "gatepost_activations"


class ActivationRefused(Exception):
    """The link or code opens nothing.

    `code`: unknown, old, used, withdrawn; other (somebody else is signed in), known (the email has an account already);
    wrong, expired, spent (codes).
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class MailToWrite:
    """One mail with its secret in clear, which exists nowhere else. To whom an activation or an account is."""

    id: int
    kind: str
    secret: str
    activation: Activation | None
    account: Account | None
    about: str
    attempts: int
    to: str = ""

    @property
    def mailbox(self) -> str:
        """The address it goes to."""
        return self.to or self.reader.email

    @property
    def reader(self) -> Activation | Account:
        """Who reads it: both have an email, a name and a language."""
        reader = self.activation or self.account
        assert reader is not None  # noqa: S101 - a constraint of the table
        return reader


def ask(
    email: str,
    *,
    name: str,
    language: str,
    id_number: str = "",
    about: str = "",
    good_for: timedelta = RENEWED_FOR,
    now: datetime,
) -> Activation:
    """An activation for `email`, and a mail with its link; one that is still open is used again.

    `id_number`, of an applicant whom a school approved, makes the documented first password possible; only a keyed
    digest of its end is kept. `about` is a sentence for the mail: who asks them in, as what. After `good_for` nobody
    is sent a new link. For the caller's transaction: the mail leaves after it.
    """
    until = now + good_for
    values = {"name": name, "language": language, "asked_at": now, "until": until}
    activation, _new = Activation.objects.get_or_create(
        email__iexact=email, used_at=None, defaults={**values, "email": email}
    )
    activation.until = until if activation.withdrawn_at else max(activation.until, until)
    activation.withdrawn_at = None
    if id_number:
        activation.first_password_digest = _first_password_digest(activation, id_number)
        activation.first_password_until = now + FIRST_PASSWORD_GOOD_FOR
        activation.first_password_used_at = None
    activation.save()
    _want(activation, ActivationMail.Kind.LINK, now, about=about)
    return activation


def withdraw(activation: Activation, *, now: datetime) -> None:
    """What was offered was taken back, and nothing else waits for this mailbox: its links open nothing any more."""
    Activation.objects.filter(pk=activation.pk, used_at=None).update(withdrawn_at=now)
    ActivationMail.objects.filter(activation=activation).update(due_at=None)


def send_word(
    account: Account, kind: ActivationMail.Kind, *, now: datetime, about: str = "", to: str = ""
) -> ActivationMail:
    """Tell `account` by mail that something about its sign-in was changed. For the caller's transaction.

    `to`: another mailbox than that of its email, the one before or after.
    """
    mail = ActivationMail.objects.create(account=account, kind=kind, asked_at=now, due_at=now, about=about, to=to)
    wake_the_worker()
    return mail


def link_at_once(activation: Activation, *, now: datetime) -> str:
    """The secret of a link that no mail brings: for somebody who stands at the machine itself."""
    secret = secrets.token_urlsafe(32)
    ActivationMail.objects.create(
        activation=activation, kind=ActivationMail.Kind.LINK, asked_at=now, made_at=now, digest=link_digest(secret)
    )
    return secret


def ask_again(email: str, *, network_address: str, now: datetime) -> None:
    """A new link, if an activation of `email` is open; nothing otherwise, and the caller cannot tell.

    Raises `TooOften`, which counts for any email, known or not.
    """
    take("activation-mail-from", network_address, most=ADDRESS_TRIES_AN_HOUR, within=timedelta(hours=1), now=now)
    take("activation-mail", email, most=MAILS_A_DAY, within=timedelta(days=1), now=now)
    activation = _open(email, now)
    if activation is not None:
        _want(activation, ActivationMail.Kind.LINK, now)


def find(token: str, *, now: datetime) -> Activation:
    """The open activation whose link is `token`. Raises `ActivationRefused` (unknown, old, used)."""
    mail = (
        ActivationMail.objects.select_related("activation")
        .filter(kind=ActivationMail.Kind.LINK, digest=link_digest(token))
        .first()
    )
    if mail is None or mail.made_at is None or mail.activation is None:
        raise ActivationRefused("unknown")
    if mail.activation.used_at is not None:
        raise ActivationRefused("used")
    if mail.activation.withdrawn_at is not None:
        raise ActivationRefused("withdrawn")
    if now >= mail.made_at + LINK_GOOD_FOR:
        raise ActivationRefused("old")
    return mail.activation


def open_account(activation: Activation, password: str, *, now: datetime) -> Account:
    """The account of `activation`, with a password that its validators have seen. Uses the activation up.

    Raises `ActivationRefused` (used; known: the email has an account, whose owner has to confirm).
    """
    with transaction.atomic():
        current = _still_open(activation)
        if account_of(current) is not None:
            raise ActivationRefused("known")
        try:
            with transaction.atomic():
                account = Account.objects.create_user(
                    current.email, password, name=current.name, language=current.language
                )
        except IntegrityError as error:  # somebody opened it this very moment, by another way
            raise ActivationRefused("known") from error
        _use(current, account, now)
    return account


def confirm(activation: Activation, account: Account, *, now: datetime) -> None:
    """The owner of an account under the same email, signed in, takes the activation. Uses it up.

    Raises `ActivationRefused` (used; other: `account` is not the one of that email).
    """
    with transaction.atomic():
        current = _still_open(activation)
        if account.email.lower() != current.email.lower():
            raise ActivationRefused("other")
        _use(current, account, now)


def account_of(activation: Activation) -> Account | None:
    """The account that already stands under the email."""
    return Account.objects.filter(email__iexact=activation.email).first()


def try_first_password(email: str, typed: str, *, network_address: str, now: datetime) -> None:
    """Have a code sent to `email`, if `typed` is its documented first password, unused and in time.

    The caller cannot tell whether it was. Raises `TooOften`, which counts for any email.
    """
    take("first-password-from", network_address, most=ADDRESS_TRIES_AN_HOUR, within=timedelta(hours=1), now=now)
    take("first-password", email, most=FIRST_PASSWORDS_A_DAY, within=timedelta(days=1), now=now)
    activation = _open(email, now)
    given = _first_password_digest(activation, typed) if activation else _no_digest(typed)
    known = bytes(activation.first_password_digest or b"") if activation else b""
    fits = hmac.compare_digest(given, known)
    if activation is None or not fits or not _first_password_counts(activation, now):
        return
    _want(activation, ActivationMail.Kind.CODE, now)


def prove_code(email: str, code: str, *, network_address: str, now: datetime) -> Activation:
    """The activation of `email`, if `code` is the newest one sent to it. The first password is used up with it.

    Raises `ActivationRefused` (wrong, for whatever reason), `TooOften`.
    """
    take("first-code-from", network_address, most=ADDRESS_TRIES_AN_HOUR, within=timedelta(hours=1), now=now)
    with transaction.atomic():
        activation = _open(email, now)
        mail = _newest_code(activation, now) if activation else None
        given = code_digest(activation.pk if activation else "", code)
        right = mail is not None and hmac.compare_digest(bytes(mail.digest or b""), given)
        if mail is not None:
            mail.tries += 1
            mail.save(update_fields=["tries"])
        if right and activation is not None:
            activation.first_password_used_at = now
            activation.save(update_fields=["first_password_used_at"])
    if not right or activation is None:
        raise ActivationRefused("wrong")
    return activation


def lease_mails(*, most: int, lease: timedelta, now: datetime) -> list[MailToWrite]:
    """Mails that are due, each with a fresh secret; what is not settled when the lease runs out comes again.

    A mail that is written a second time has a new secret, and the first one is good for nothing. A code for a sign-in
    that would come too late is not sent at all.
    """
    ActivationMail.objects.filter(
        kind=ActivationMail.Kind.SIGN_IN_CODE, due_at__isnull=False, asked_at__lte=now - SIGN_IN_CODE_GOOD_FOR
    ).update(due_at=None, because="late")
    with transaction.atomic():
        due = (
            ActivationMail.objects.select_for_update(skip_locked=True, of=["self"])
            .select_related("activation", "account")
            .filter(due_at__lte=now)
            .order_by("due_at")[:most]
        )
        return [_made(mail, lease, now) for mail in due]


def settle_mail(mail_id: int, *, because: str = "") -> None:
    """The mail was taken by the mail server, or never will be (`because`)."""
    ActivationMail.objects.filter(pk=mail_id).update(due_at=None, because=because)


def retry_mail(mail_id: int, *, at: datetime) -> None:
    """The mail could not be sent just now."""
    ActivationMail.objects.filter(pk=mail_id).update(due_at=at)


def _want(activation: Activation, kind: ActivationMail.Kind, now: datetime, *, about: str = "") -> None:
    """One mail of a kind waits at a time: asking twice before it left sends one."""
    waiting = ActivationMail.objects.filter(activation=activation, kind=kind, due_at__isnull=False, attempts=0)
    if waiting.exists():
        if about:
            waiting.update(about=about)
        return
    ActivationMail.objects.create(activation=activation, kind=kind, asked_at=now, due_at=now, about=about)
    wake_the_worker()


def wake_the_worker() -> None:
    """Have what is due looked at as soon as the caller's transaction is through."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def _made(mail: ActivationMail, lease: timedelta, now: datetime) -> MailToWrite:
    if mail.kind in ActivationMail.WITH_A_LINK:
        secret = secrets.token_urlsafe(32)
        mail.digest = link_digest(secret)
    elif mail.kind in ActivationMail.WITH_A_CODE:
        secret = f"{secrets.randbelow(1_000_000):06d}"
        mail.digest = code_digest(mail.activation_id or f"mail-{mail.pk}", secret)
    else:
        secret = ""
    mail.made_at, mail.due_at, mail.tries = now, now + lease, 0
    mail.attempts += 1
    mail.save(update_fields=["digest", "made_at", "due_at", "attempts", "tries"])
    return MailToWrite(mail.pk, mail.kind, secret, mail.activation, mail.account, mail.about, mail.attempts, mail.to)


def _open(email: str, now: datetime) -> Activation | None:
    return Activation.objects.filter(
        email__iexact=email.strip(), used_at=None, withdrawn_at=None, until__gt=now
    ).first()


def _still_open(activation: Activation) -> Activation:
    current = Activation.objects.select_for_update().get(pk=activation.pk)
    if current.used_at is not None:
        raise ActivationRefused("used")
    if current.withdrawn_at is not None:
        raise ActivationRefused("withdrawn")
    return current


def _use(activation: Activation, account: Account, now: datetime) -> None:
    activation.used_at, activation.account = now, account
    activation.first_password_digest = None
    activation.save(update_fields=["used_at", "account", "first_password_digest"])
    ActivationMail.objects.filter(activation=activation).update(due_at=None)
    entries.record("activation:used", by=account, activation=str(activation.pk))


def _newest_code(activation: Activation, now: datetime) -> ActivationMail | None:
    """The code that counts: the last one made, young enough, not tried too often. Locked."""
    mail = (
        ActivationMail.objects.select_for_update()
        .filter(Q(activation=activation), kind=ActivationMail.Kind.CODE, made_at__isnull=False)
        .order_by("-made_at", "-pk")
        .first()
    )
    if mail is None or mail.made_at is None or mail.tries >= TRIES_MOST or now >= mail.made_at + CODE_GOOD_FOR:
        return None
    return mail


def _first_password_counts(activation: Activation, now: datetime) -> bool:
    return (
        settings.FIRST_PASSWORD_BY_ID_NUMBER
        and activation.first_password_used_at is None
        and activation.first_password_until is not None
        and now < activation.first_password_until
    )


def _first_password_digest(activation: Activation, text: str) -> bytes:
    end = text.strip().upper()[-FIRST_PASSWORD_CHARACTERS:]
    digest: bytes = settings.KEY_RING.digest(f"first-password:{activation.pk}:{end}")
    return digest


def _no_digest(text: str) -> bytes:
    """As much work as for an activation that exists."""
    digest: bytes = settings.KEY_RING.digest(f"first-password::{text.strip().upper()[-FIRST_PASSWORD_CHARACTERS:]}")
    return digest


def link_digest(token: str) -> bytes:
    """What is kept of the secret of a link."""
    digest: bytes = settings.KEY_RING.digest(f"activation-link:{token}")
    return digest


def code_digest(whose: object, code: str) -> bytes:
    """What is kept of a code, which is good for one activation or one mail."""
    digest: bytes = settings.KEY_RING.digest(f"activation-code:{whose}:{''.join(code.split())}")
    return digest
