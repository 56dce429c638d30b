import hashlib
import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from oauth2_provider.models import (
    AbstractAccessToken,
    AbstractApplication,
    AbstractGrant,
    AbstractIDToken,
    AbstractRefreshToken,
)

from gatepost.roster.models import Student


class Service(AbstractApplication):  # type: ignore[misc]
    """Another system that people sign in to with their account here: the library's *application*, and what we add.

    Its secret is random and kept as a digest only. It opens nothing once it is stopped. Its grant says what kind it is:
    people sign in to it with a browser, or at a device without a keyboard, or it is a machine that speaks for itself.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    objects: ClassVar[models.Manager["Service"]] = models.Manager()

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client_secret = models.CharField(max_length=64, blank=True)  # SHA-256 of 256 random bits; a password's hash is slow
    about = models.TextField(blank=True)  # one sentence for families: what it is for
    scopes = ArrayField(models.TextField(), default=list)  # what it may ask for
    reasons = models.JSONField(default=dict)  # why it needs each of them, in a sentence shown to families
    answers_name = models.TextField()  # who answers for it
    answers_email = models.TextField()
    start_url = models.TextField(blank=True)  # where its sign-in begins; empty: it has no tile
    logo = models.BinaryField(null=True)  # a small PNG of ours
    backchannel_logout_uri = models.TextField(blank=True)
    pkce_required = models.BooleanField(default=True)  # a setting, not a state: some old software cannot do it
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    stopped_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=Q(stopped_at__isnull=True), name="sso_service_name_once"
            ),
            models.CheckConstraint(
                condition=Q(client_type="public", client_secret="", pkce_required=True)
                | Q(client_type="confidential") & ~Q(client_secret=""),
                name="sso_service_secret",
            ),
            models.CheckConstraint(
                condition=Q(authorization_grant_type="authorization-code")
                | Q(authorization_grant_type="urn:ietf:params:oauth:grant-type:device_code", client_type="public")
                | Q(authorization_grant_type="client-credentials", client_type="confidential", start_url=""),
                name="sso_service_grant",
            ),
            models.CheckConstraint(condition=Q(skip_authorization=False), name="sso_service_asks"),
        ]

    @property
    def is_machine(self) -> bool:
        """Whether it speaks for itself, never for a person."""
        return bool(self.authorization_grant_type == Service.GRANT_CLIENT_CREDENTIALS)

    @property
    def is_device(self) -> bool:
        """Whether people sign in to it by a code that they type elsewhere."""
        return bool(self.authorization_grant_type == Service.GRANT_DEVICE_CODE)

    def is_usable(self, request: object) -> bool:
        """Not once it is stopped: the library asks at each use of the service and of its tokens."""
        return self.stopped_at is None

    def redirect_uri_allowed(self, uri: str) -> bool:
        """Letter for letter one of those registered (RFC 9700 2.1), with no exception for any port."""
        return uri in self.redirect_uris.split()

    def post_logout_redirect_uri_allowed(self, uri: str) -> bool:
        """The same for where a browser goes after signing out."""
        return uri in self.post_logout_redirect_uris.split()


class ServiceSession(models.Model):
    """One browser of ours at one service. Everything the service holds of that sign-in hangs on this row.

    It counts while it is not ended and our own session, whose key it keeps, still stands.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # the `sid` of its tokens
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="sessions")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="service_sessions")
    session_key = models.TextField()
    signed_in_at = models.DateTimeField()  # when the person last proved who they are
    methods = ArrayField(models.TextField(), default=list)  # how: values of `amr` (RFC 8176)
    factor = models.BigIntegerField(default=0)  # the number of the second factor shown then; 0: none
    opened_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    ended_because = models.TextField(blank=True)  # a code: signed_out, taken_back, child, service, account, password

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["session_key", "service"], condition=Q(ended_at__isnull=True), name="sso_session_once"
            )
        ]
        indexes = [
            models.Index(fields=["account", "service"], condition=Q(ended_at__isnull=True), name="sso_session_open")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class CodeField(models.CharField):  # type: ignore[type-arg]
    """A code that is kept, and looked for, as its SHA-256."""

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else hashlib.sha256(str(value).encode()).hexdigest()


class Grant(AbstractGrant):  # type: ignore[misc]
    """A code on its way to the service: good for a minute, once. A used one is kept, to know it when it returns."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    objects: ClassVar[models.Manager["Grant"]] = models.Manager()

    code = CodeField(max_length=64, unique=True)
    session = models.ForeignKey(ServiceSession, on_delete=models.CASCADE, related_name="+")
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["expires"], name="sso_grant_expires")]


class AccessToken(AbstractAccessToken):  # type: ignore[misc]
    """What opens the person's data to the service for some minutes; kept as a digest only.

    A machine's own has neither a person nor a session.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    objects: ClassVar[models.Manager["AccessToken"]] = models.Manager()

    session = models.ForeignKey(ServiceSession, on_delete=models.CASCADE, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=True, session__isnull=True) | Q(user__isnull=False, session__isnull=False),
                name="sso_access_token_of",
            )
        ]
        indexes = [models.Index(fields=["expires"], name="sso_access_token_expires")]


class DeviceRequest(models.Model):
    """A device without a keyboard asks to be signed in to (RFC 8628); a person answers on a page of ours.

    Both codes are kept as digests: one the device holds, one it shows to be typed. Good for some minutes, once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="+")
    device_code = CodeField(max_length=64, unique=True)
    user_code = CodeField(max_length=64, unique=True)
    scopes = ArrayField(models.TextField())
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    interval = models.PositiveSmallIntegerField()  # seconds it waits between two questions
    polled_at = models.DateTimeField(null=True)
    session = models.ForeignKey(ServiceSession, on_delete=models.CASCADE, null=True, related_name="+")
    allowed_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(allowed_at__isnull=True, session__isnull=True, used_at__isnull=True)
                | Q(allowed_at__isnull=False, session__isnull=False, refused_at__isnull=True),
                name="sso_device_answer",
            )
        ]
        indexes = [models.Index(fields=["expires_at"], name="sso_device_expires")]

    def __str__(self) -> str:
        return str(self.pk)


class RefreshToken(AbstractRefreshToken):  # type: ignore[misc]
    """What gets the service its next access token, once; kept as a digest only."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    objects: ClassVar[models.Manager["RefreshToken"]] = models.Manager()

    session = models.ForeignKey(ServiceSession, on_delete=models.CASCADE, related_name="+")

    class Meta(AbstractRefreshToken.Meta):  # type: ignore[misc]
        pass


class IDToken(AbstractIDToken):  # type: ignore[misc]
    """The library wants such a table. We keep no row of tokens that prove themselves by their signature."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    objects: ClassVar[models.Manager["IDToken"]] = models.Manager()


class SigningKey(models.Model):
    """A key that signs tokens: the public half is published, the private half is sealed.

    Published from `made_at` to `ended_at`; of those whose time to sign has come, the newest signs.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kid = models.TextField(unique=True)  # its thumbprint (RFC 7638)
    public = models.JSONField()
    private_sealed = models.BinaryField(null=True)  # gone once it signs no more
    made_at = models.DateTimeField()
    signs_from = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.kid


class Subject(models.Model):
    """The number by which one service knows a person or a child, and no other service does. It never changes."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    student = models.ForeignKey(Student, on_delete=models.CASCADE, null=True, related_name="+")
    value = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["service", "value"], name="sso_subject_value_once"),
            models.UniqueConstraint(fields=["account", "service"], name="sso_subject_account_once"),
            models.UniqueConstraint(fields=["student", "service"], name="sso_subject_student_once"),
            models.CheckConstraint(
                condition=Q(account__isnull=True, student__isnull=False)
                | Q(account__isnull=False, student__isnull=True),
                name="sso_subject_one",
            ),
        ]

    def __str__(self) -> str:
        return self.value


class Consent(models.Model):
    """What a person gave to a service, until they take it back."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="consents")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="service_consents")
    scopes = ArrayField(models.TextField())
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "service"], condition=Q(withdrawn_at__isnull=True), name="sso_consent_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)


class GivenChild(models.Model):
    """A child a guardian gave to a service with a consent. It counts only while the guardian's bond lets them."""

    consent = models.ForeignKey(Consent, on_delete=models.CASCADE, related_name="children", db_index=False)
    student = models.ForeignKey(Student, on_delete=models.CASCADE, related_name="+")
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_because = models.TextField(blank=True)  # a code: guardian, bond

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["consent", "student"], condition=Q(withdrawn_at__isnull=True), name="sso_given_child_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)


class LogoutNotice(models.Model):
    """A service is to be told that a session ended (OpenID Connect Back-Channel Logout).

    Written in the transaction that ends the session; sent by the worker until the service confirms or the tries are up.
    """

    session = models.OneToOneField(ServiceSession, on_delete=models.CASCADE, related_name="logout_notice")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField(
        null=True
    )  # not before; while it is being sent, when the lease runs out; None: settled
    tries = models.PositiveSmallIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True)
    because = models.TextField(blank=True)  # how the last try failed: private, unreachable, answer 500

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True) | Q(due_at__isnull=True), name="sso_logout_settled"
            )
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="sso_logout_due")]

    def __str__(self) -> str:
        return str(self.pk)
