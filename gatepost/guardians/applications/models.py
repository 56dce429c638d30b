import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from gatepost.kit import sealed
from gatepost.roster.models import School, SealedIdentity, Student

APPLICANTS_MOST = 2
DOCUMENTS_MOST = 5
DOCUMENT_BYTES_MAX = 8 * 1024 * 1024


class Desk(models.Model):
    """A school's desk for applications: since when it takes them, whom to ask, and what it promises."""

    school = models.OneToOneField(School, on_delete=models.CASCADE, primary_key=True, related_name="desk")
    opened_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True, blank=True)
    contact = models.TextField(blank=True)  # who mends wrong data: an office with its telephone number
    promised_days = models.PositiveSmallIntegerField(default=5)  # an application is looked at within

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(promised_days__gte=1, promised_days__lte=60), name="guardians_desk_promise"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Application(models.Model):
    """Somebody asks to be bound to a child. What it is at is read from its times; `version` counts its changes.

    Without `account` it is of the family that came in with the student's number. With one it is a claim: that account
    named the child (`claim`), and `student` is empty as long as what it typed fits nobody.
    """

    class Kind(models.TextChoices):
        """Who applies, in the four ways of the city's form."""

        PARENT = "parent", _("The parents are the guardians; one of them applies")
        PARENTS = "parents", _("The parents are the guardians; both apply")
        ONE_CUSTODIAN = "one_custodian", _("One parent is the guardian; both parents apply")
        OTHER = "other", _("Somebody else is the guardian (a document is needed)")

    class Decision(models.TextChoices):
        APPROVED = "approved"
        REFUSED = "refused"
        LAPSED = "lapsed"  # a claim that ended by its date

    class State(models.TextChoices):
        """What `state` answers; in no column."""

        DRAFT = "draft"
        SUBMITTED = "submitted"
        RETURNED = "returned"
        APPROVED = "approved"
        REFUSED = "refused"
        LAPSED = "lapsed"
        WITHDRAWN = "withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    student = models.ForeignKey(Student, on_delete=models.PROTECT, null=True, blank=True, related_name="applications")
    account = models.ForeignKey(  # who claims
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="claims"
    )
    kind = models.TextField(choices=Kind.choices, blank=True)
    language = models.TextField(default="zh-hant")  # in which the family is written to
    version = models.PositiveIntegerField(default=1)
    opened_at = models.DateTimeField()
    data_confirmed_at = models.DateTimeField(null=True, blank=True)  # 資訊正確
    submitted_at = models.DateTimeField(null=True, blank=True)  # the last time
    returned_at = models.DateTimeField(null=True, blank=True)  # waits for the family; empty again once resubmitted
    decided_at = models.DateTimeField(null=True, blank=True)
    decision = models.TextField(choices=Decision.choices, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.TextField(blank=True)  # of the last return or refusal, as the family reads it
    # Where a restriction stands, two people look: the first one's yes, which counts for what was submitted before it.
    first_look_at = models.DateTimeField(null=True, blank=True)
    first_look_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    # The school put a claim away without an answer: it works on it no more, and for who claims nothing has changed.
    set_aside_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["student", "account"],
                condition=Q(student__isnull=False, decided_at__isnull=True, withdrawn_at__isnull=True),
                nulls_distinct=False,
                name="guardians_application_open_once",
            ),
            models.CheckConstraint(
                condition=Q(student__isnull=False) | Q(account__isnull=False), name="guardians_application_about"
            ),
            models.CheckConstraint(
                condition=Q(set_aside_at__isnull=True) | Q(account__isnull=False, set_aside_at__gte=F("submitted_at")),
                name="guardians_application_set_aside",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["", "parent", "parents", "one_custodian", "other"]),
                name="guardians_application_kind",
            ),
            models.CheckConstraint(
                condition=Q(data_confirmed_at__isnull=True) | Q(data_confirmed_at__gte=F("opened_at")),
                name="guardians_application_confirmed",
            ),
            models.CheckConstraint(
                condition=Q(submitted_at__isnull=True)
                | (Q(data_confirmed_at__isnull=False, submitted_at__gte=F("data_confirmed_at")) & ~Q(kind="")),
                name="guardians_application_submitted",
            ),
            models.CheckConstraint(
                condition=Q(returned_at__isnull=True)
                | Q(submitted_at__isnull=False, returned_at__gte=F("submitted_at"), decided_at__isnull=True),
                name="guardians_application_returned",
            ),
            models.CheckConstraint(
                condition=Q(decided_at__isnull=True, decision="")
                | Q(
                    decided_at__gte=F("submitted_at"),
                    submitted_at__isnull=False,
                    withdrawn_at__isnull=True,
                    decision__in=["approved", "refused", "lapsed"],
                ),
                name="guardians_application_decided",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=F("opened_at")),
                name="guardians_application_withdrawn",
            ),
            models.CheckConstraint(
                condition=Q(first_look_at__isnull=True, first_look_by__isnull=True)
                | Q(first_look_at__isnull=False, first_look_by__isnull=False),
                name="guardians_application_first_look",
            ),
        ]
        indexes = [
            models.Index(
                fields=["submitted_at"],
                condition=Q(
                    submitted_at__isnull=False,
                    returned_at__isnull=True,
                    decided_at__isnull=True,
                    withdrawn_at__isnull=True,
                ),
                name="guardians_application_queue",
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def state(self) -> State:
        """What it is at now."""
        if self.withdrawn_at:
            return self.State.WITHDRAWN
        if self.decided_at:
            return self.State(self.decision)
        if self.returned_at:
            return self.State.RETURNED
        return self.State.SUBMITTED if self.submitted_at else self.State.DRAFT

    def later(self, now: datetime) -> datetime:
        """`now`, but not before what is kept already: the clocks of two servers never agree quite."""
        kept = (self.opened_at, self.data_confirmed_at, self.submitted_at)
        return max(now, *(at for at in kept if at is not None))

    @property
    def is_open(self) -> bool:
        """Neither decided nor withdrawn."""
        return self.decided_at is None and self.withdrawn_at is None

    @property
    def is_with_family(self) -> bool:
        """The family may change it: a draft, or returned."""
        return self.state in (self.State.DRAFT, self.State.RETURNED)

    @property
    def is_claim(self) -> bool:
        """It was made by somebody signed in, who is not told whether the child exists."""
        return self.account_id is not None

    @property
    def child(self) -> Student:
        """The student. Not for who claims: theirs may fit nobody, and they are not told."""
        assert self.student is not None  # noqa: S101 - schools only ever see those that fit
        return self.student

    @property
    def applicants_wanted(self) -> int:
        """How many people the kind asks for; 0 while none is chosen. Who claims does so alone."""
        return 1 if self.is_claim else {"": 0, "parents": 2, "one_custodian": 2}.get(self.kind, 1)

    @property
    def needs_document(self) -> bool:
        return self.kind == self.Kind.OTHER


class ApplicationStep(models.Model):
    """One step an application took, kept: who, when, and the reason that was given."""

    class Act(models.TextChoices):
        OPENED = "opened"
        SUBMITTED = "submitted"
        RETURNED = "returned"
        APPROVED = "approved"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"
        SET_ASIDE = "set_aside"
        LAPSED = "lapsed"

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="steps")
    act = models.TextField(choices=Act.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(  # empty: the family
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.TextField(blank=True)
    invitation = models.ForeignKey(  # the letter by which the family had come in; empty: it came another way
        "guardians.Invitation", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.act} {self.application_id}"


class Relation(models.TextChoices):
    """What guardian and child are to each other, by the names of Taiwanese school systems."""

    FATHER_SON = "father_son", _("Father and son")
    FATHER_DAUGHTER = "father_daughter", _("Father and daughter")
    MOTHER_SON = "mother_son", _("Mother and son")
    MOTHER_DAUGHTER = "mother_daughter", _("Mother and daughter")
    GRANDPARENT = "grandparent", _("Grandparent and grandchild")
    BROTHERS = "brothers", _("Brothers")
    BROTHER_SISTER = "brother_sister", _("Elder brother and younger sister")
    SISTER_BROTHER = "sister_brother", _("Elder sister and younger brother")
    SISTERS = "sisters", _("Sisters")
    UNCLE_AUNT = "uncle_aunt", _("Uncle or aunt, and nephew or niece")
    OTHER = "other", _("Other")


class Applicant(SealedIdentity):
    """One of the people an application is for. Kept as typed while it is a draft; whole once submitted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="applicants", db_index=False)
    position = models.PositiveSmallIntegerField()
    name = models.TextField(blank=True)
    relation = models.TextField(choices=Relation.choices, blank=True)
    mobile = models.TextField(blank=True)
    email = models.TextField(blank=True)
    email_proven_at = models.DateTimeField(null=True, blank=True)
    email_refused_at = models.DateTimeField(null=True, blank=True)  # a mail came back; empty again once proven anew
    account = models.ForeignKey(  # once it was opened for them
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["application", "position"], name="guardians_applicant_position_once"),
            models.CheckConstraint(condition=Q(position__in=[1, 2]), name="guardians_applicant_two_at_most"),
            models.CheckConstraint(
                condition=Q(relation__in=["", *(value for value, _label in Relation.choices)]),
                name="guardians_applicant_relation",
            ),
            models.CheckConstraint(
                condition=Q(email_proven_at__isnull=True) | ~Q(email=""), name="guardians_applicant_proven_email"
            ),
            models.CheckConstraint(
                condition=Q(email_refused_at__isnull=True) | ~Q(email=""), name="guardians_applicant_refused_email"
            ),
            models.CheckConstraint(
                condition=Q(id_number_sealed__isnull=True, id_number_digest__isnull=True)
                | Q(id_number_sealed__isnull=False, id_number_digest__isnull=False),
                name="guardians_applicant_sealed_whole",
            ),
        ]
        indexes = [models.Index(fields=["id_number_digest"], name="guardians_applicant_digest")]

    def __str__(self) -> str:
        return str(self.pk)


class Document(models.Model):
    """A paper handed in with an application, made anew by us and sealed."""

    class Kind(models.TextChoices):
        COURT = "court", _("Court order")
        HOUSEHOLD = "household", _("Household register")
        ENTRUSTED = "entrusted", _("Letter of entrustment (親子綁定委託證明書)")
        OTHER = "other", _("Other document")

    class Form(models.TextChoices):
        JPEG = "image/jpeg"
        PDF = "application/pdf"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="documents")
    kind = models.TextField(choices=Kind.choices)
    form = models.TextField(choices=Form.choices)
    sealed_bytes = models.BinaryField()
    size = models.PositiveIntegerField()  # bytes, opened
    sha256 = models.BinaryField(max_length=32)
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["added_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(form__in=["image/jpeg", "application/pdf"]), name="guardians_document_form"
            ),
            models.CheckConstraint(
                condition=Q(size__gte=1, size__lte=DOCUMENT_BYTES_MAX), name="guardians_document_size"
            ),
            models.UniqueConstraint(fields=["application", "sha256"], name="guardians_document_once"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def place(self) -> str:
        """The one place its bytes may stand sealed."""
        return sealed.place(self._meta.db_table, "sealed_bytes", self.pk)


class Consent(models.Model):
    """An answer to one version of the notice on personal data, for one purpose. The newest of a purpose counts.

    The family answers with its application, for everybody in it; what a guardian takes back later, signed in, is their
    own and counts for `account` alone.
    """

    class Purpose(models.TextChoices):
        BINDING = "binding", _("The parent–child account")
        SERVICES = "services", _("Sign-in to connected services")

    class Answer(models.TextChoices):
        AGREE = "agree", _("I agree")
        DISAGREE = "disagree", _("I do not agree")

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="consents")
    purpose = models.TextField(choices=Purpose.choices)
    version = models.PositiveSmallIntegerField()
    language = models.TextField()
    text_hash = models.BinaryField(max_length=32)  # SHA-256 of the text as it was shown
    answer = models.TextField(choices=Answer.choices)
    account = models.ForeignKey(  # empty: the family's
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(purpose__in=["binding", "services"], answer__in=["agree", "disagree"]),
                name="guardians_consent_words",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(answer="agree", withdrawn_at__gte=F("at")),
                name="guardians_consent_withdrawn",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def is_given(self) -> bool:
        return self.answer == self.Answer.AGREE and self.withdrawn_at is None
