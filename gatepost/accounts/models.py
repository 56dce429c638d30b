import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.contrib.sessions.models import Session
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now


class AccountManager(BaseUserManager["Account"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Account":
        """A new account; without a password nobody can sign in with one."""
        account = self.model(email=self.normalize_email(email), **fields)
        account.set_password(password)
        account.save(using=self._db)
        return account

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Account":
        """An operator: the only kind of account the admin pages open for."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class Account(AbstractBaseUser, PermissionsMixin):
    """A person who signs in. The email is how, the language is how Gatepost speaks to them."""

    class Language(models.TextChoices):
        ZH_HANT = "zh-hant", "繁體中文"
        EN = "en", "English"
        VI = "vi", "Tiếng Việt"
        ID = "id", "Bahasa Indonesia"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    name = models.TextField(blank=True)
    language = models.TextField(choices=Language.choices, default=Language.ZH_HANT)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)  # Django's word for "may open the admin": operators only
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[AccountManager] = AccountManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="accounts_account_email_once")]

    def __str__(self) -> str:
        return str(self.pk)

    def get_full_name(self) -> str:
        return self.name or self.email


class Activation(models.Model):
    """Whoever reads the mail of `email` may open an account under it, or confirm with the one that is there already.

    Until then there is no account and nothing is open: what somebody was approved for waits for `used_at`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField()
    name = models.TextField(blank=True)
    language = models.TextField(choices=Account.Language.choices, default=Account.Language.ZH_HANT)
    asked_at = models.DateTimeField()
    until = models.DateTimeField()  # after that nobody is sent a new link
    used_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)  # what was offered was taken back; asking anew clears it
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="activations")
    # The documented first password, as a keyed digest: no account and no row here holds an ID number.
    first_password_digest = models.BinaryField(null=True, max_length=32)
    first_password_until = models.DateTimeField(null=True)
    first_password_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"), condition=Q(used_at__isnull=True), name="accounts_activation_open_once"
            ),
            models.CheckConstraint(
                condition=Q(used_at__isnull=True, account__isnull=True)
                | Q(used_at__isnull=False, account__isnull=False),
                name="accounts_activation_used_whole",
            ),
            models.CheckConstraint(condition=Q(asked_at__lt=F("until")), name="accounts_activation_runs"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class ActivationMail(models.Model):
    """A mail of the sign-in: a link or a code for an activation, made when it is written and kept as a keyed digest
    only; a link for a new password; a code to sign in with; or word to somebody who has an account that their sign-in
    was changed."""

    class Kind(models.TextChoices):
        LINK = "link"
        CODE = "code"
        SECOND_FACTOR_SET_UP = "second_factor_set_up"
        SECOND_FACTOR_OFF = "second_factor_off"
        SECOND_FACTOR_TAKEN_OFF = "second_factor_taken_off"
        RECOVERY_CODE_USED = "recovery_code_used"
        PASSWORD_LINK = "password_link"  # noqa: S105 - the name of a kind
        PASSWORD_CHANGED = "password_changed"  # noqa: S105
        WAY_CONNECTED = "way_connected"
        WAY_DISCONNECTED = "way_disconnected"
        SIGN_IN_CODE = "sign_in_code"
        PASSKEY_ADDED = "passkey_added"
        PASSKEY_RENAMED = "passkey_renamed"
        PASSKEY_REMOVED = "passkey_removed"
        PASSKEY_COPIED = "passkey_copied"
        NEW_DEVICE = "new_device"
        EMAIL_CODE = "email_code"
        EMAIL_CODE_OLD = "email_code_old"
        EMAIL_TAKEN = "email_taken"
        EMAIL_CHANGED = "email_changed"
        EMAIL_UNDO = "email_undo"
        COPY_MADE = "copy_made"
        ACCOUNT_CLOSING = "account_closing"

    FOR_AN_ACTIVATION = (Kind.LINK, Kind.CODE)  # the others go to an account
    WITH_A_LINK = (Kind.LINK, Kind.PASSWORD_LINK, Kind.EMAIL_UNDO)
    WITH_A_CODE = (Kind.CODE, Kind.SIGN_IN_CODE, Kind.EMAIL_CODE, Kind.EMAIL_CODE_OLD)

    activation = models.ForeignKey(Activation, on_delete=models.CASCADE, null=True, related_name="mails")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="+")
    kind = models.TextField(choices=Kind.choices)
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField(
        null=True
    )  # not before; while it is being sent, when the lease runs out; None: settled
    attempts = models.PositiveSmallIntegerField(default=0)
    made_at = models.DateTimeField(null=True)
    digest = models.BinaryField(null=True, max_length=32)
    tries = models.PositiveSmallIntegerField(default=0)  # of a code
    # In the reader's language: who asks them in, as what; which way to sign in; the name of a passkey.
    about = models.TextField(blank=True)
    to = models.EmailField(blank=True)  # where it goes, if not to the reader's own email: to the one before or after
    because = models.TextField(blank=True)  # why it was never sent: refused, unreachable

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["digest"],
                condition=Q(kind__in=["link", "password_link", "email_undo"]),
                name="accounts_activation_link_digest",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["link", "code"], activation__isnull=False, account__isnull=True)
                | (~Q(kind__in=["link", "code"]) & Q(activation__isnull=True, account__isnull=False)),
                name="accounts_activation_mail_whose",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="accounts_activation_mail_due")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class EmailChange(models.Model):
    """Another email for an account: waits for a code from each mailbox, then is done; the old one may undo it."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="email_changes")
    old = models.EmailField()
    new = models.EmailField()
    asked_at = models.DateTimeField()
    to_new = models.ForeignKey(
        ActivationMail, on_delete=models.CASCADE, related_name="+"
    )  # has the code, or tells why not
    to_old = models.ForeignKey(ActivationMail, on_delete=models.CASCADE, related_name="+")
    done_at = models.DateTimeField(null=True)
    undo = models.ForeignKey(ActivationMail, on_delete=models.CASCADE, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(done_at__isnull=True), name="accounts_email_change_open_once"
            ),
            models.CheckConstraint(
                condition=Q(done_at__isnull=False, undo__isnull=False)
                | Q(done_at__isnull=True, undo__isnull=True, undone_at__isnull=True),
                name="accounts_email_change_whole",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Device(models.Model):
    """A browser in which an account is signed in. The row lives and dies with the session."""

    session = models.OneToOneField(Session, on_delete=models.CASCADE, related_name="device")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="devices")
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()  # written every few minutes at the most
    methods = ArrayField(models.TextField(), default=list)  # how the person signed in: values of `amr` (RFC 8176)
    factor = models.BigIntegerField(default=0)  # the number of the second factor shown last; 0: none
    browser = models.TextField(blank=True)  # as people call it: Chrome, Safari, LINE
    system = models.TextField(blank=True)  # Windows, iPhone, Android
    network = models.TextField(blank=True)  # without its end: a street, not a door

    def __str__(self) -> str:
        return str(self.pk)


class OldPassword(models.Model):
    """A password that an account had, as the hash it was: the last ones are not taken again."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="old_passwords")
    password = models.TextField()
    until = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.pk)


class Passkey(models.Model):
    """A credential of WebAuthn that its owner's device found by itself: the public half, and what tells it from others.

    `authenticator` is the library's row of the same factor: its number is what a session remembers to have shown.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="passkeys")
    authenticator = models.OneToOneField("mfa.Authenticator", on_delete=models.CASCADE, related_name="passkey")
    name = models.TextField()
    credential_id = models.BinaryField(max_length=1023, unique=True)
    credential = models.BinaryField()  # attested credential data: id, model of the authenticator, public key (COSE)
    sign_count = models.PositiveBigIntegerField()  # 0: the authenticator does not count
    is_synced = models.BooleanField()  # a fact about the key: may be on several devices of its owner
    made_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="accounts_passkey_named")]

    def __str__(self) -> str:
        return str(self.pk)


class Attempt(models.Model):
    """Somebody tried something that may be tried only so often. `who` is a keyed digest; rows are gone after a day."""

    kind = models.TextField()
    who = models.BinaryField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["kind", "who", "at"], name="accounts_attempt_who"),
            models.Index(fields=["at"], name="accounts_attempt_at"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class PhoneApproval(models.Model):
    """A browser shows a QR code and waits; a phone that is signed in opens it and lets that browser in, or does not.

    Each step is a time. What the browser holds is a secret of its session; what the code holds is another one.
    """

    browser_digest = models.BinaryField(max_length=32)
    link_digest = models.BinaryField(max_length=32, unique=True)
    match = models.TextField()  # two digits that the waiting browser shows
    choices = ArrayField(models.TextField())  # what the phone offers: those two digits among others
    browser = models.TextField(blank=True)  # as a device is described
    system = models.TextField(blank=True)
    network = models.TextField(blank=True)
    service = models.TextField(blank=True)  # the name of the service that the browser goes on to
    made_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)  # by the account, which is the only one that can answer
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)
    redeemed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(seen_at__isnull=True, account__isnull=True)
                | Q(seen_at__isnull=False, account__isnull=False),
                name="accounts_phone_approval_seen_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(approved_at__isnull=True, refused_at__isnull=True)
                | Q(seen_at__isnull=False, approved_at__isnull=True)
                | Q(seen_at__isnull=False, refused_at__isnull=True),
                name="accounts_phone_approval_answered_once",
            ),
            models.CheckConstraint(
                condition=Q(redeemed_at__isnull=True) | Q(approved_at__isnull=False),
                name="accounts_phone_approval_redeemed_after_yes",
            ),
        ]
        indexes = [models.Index(fields=["made_at"], name="accounts_phone_approval_made")]

    def __str__(self) -> str:
        return str(self.pk)
