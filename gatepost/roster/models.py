import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from gatepost.kit import sealed


class Stage(models.TextChoices):
    """What a student is in; a school may hold more than one, so this never comes from the school alone."""

    ELEMENTARY = "elementary", "國小"
    JUNIOR_HIGH = "junior_high", "國中"
    SENIOR_HIGH = "senior_high", "高中"
    VOCATIONAL_HIGH = "vocational_high", "高職"
    SPECIAL = "special", "特教"


class District(models.Model):
    code = models.TextField(primary_key=True)  # the first two characters of its schools' codes
    name = models.TextField()
    name_en = models.TextField()
    postal_code = models.TextField()

    def __str__(self) -> str:
        return self.name


class School(models.Model):
    """A school of the city. `code` is text: some hold letters; it can change, so other tables point at `id`."""

    code = models.TextField(unique=True, validators=[RegexValidator(r"^[0-9A-Z]{6}$")])
    name = models.TextField()
    short_name = models.TextField()
    district = models.ForeignKey(District, on_delete=models.PROTECT, related_name="schools")
    level = models.TextField(choices=Stage.choices)
    domain = models.TextField(blank=True)  # the first label of the school's own web host
    timezone = models.TextField(default="Asia/Taipei")
    opened_at = models.DateTimeField(null=True, blank=True)  # when it began to use Gatepost

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(code__regex=r"^[0-9A-Z]{6}$"), name="roster_school_code")]

    def __str__(self) -> str:
        return self.short_name


class SchoolYear(models.Model):
    """A school year by its ROC number: 115 runs from 1 August 2026 to 31 July 2027."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    starts_on = models.DateField()
    ends_on = models.DateField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(starts_on__lt=F("ends_on")), name="roster_year_runs")]

    def __str__(self) -> str:
        return str(self.year)


class Term(models.Model):
    """A term 學期 of a school year; its key is written 1151."""

    school_year = models.ForeignKey(SchoolYear, on_delete=models.CASCADE, related_name="terms")
    number = models.PositiveSmallIntegerField()
    starts_on = models.DateField()
    ends_on = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["school_year", "number"], name="roster_term_once"),
            models.CheckConstraint(condition=Q(number__in=[1, 2]), name="roster_term_number"),
            models.CheckConstraint(condition=Q(starts_on__lt=F("ends_on")), name="roster_term_runs"),
        ]

    def __str__(self) -> str:
        return f"{self.school_year_id}{self.number}"


class Staff(models.Model):
    """Somebody who works at a school, as the school recorded them. What they may do stands in access."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="staff")
    name = models.TextField()
    title = models.TextField(blank=True)
    email = models.EmailField(blank=True)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="staff_records"
    )
    source_id = models.TextField(blank=True)
    left_on = models.DateField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "staff"
        constraints = [
            models.UniqueConstraint(
                fields=["school", "source_id"], condition=~Q(source_id=""), name="roster_staff_source_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)


class SchoolClass(models.Model):
    """A class of one school year: grade and number apart, and the name as the school writes it (2年01班)."""

    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="classes")
    school_year = models.ForeignKey(SchoolYear, on_delete=models.PROTECT, related_name="+")
    stage = models.TextField(choices=Stage.choices)
    grade = models.PositiveSmallIntegerField()  # 1–12
    number = models.PositiveSmallIntegerField()
    name = models.TextField()
    homeroom_teacher = models.ForeignKey(
        Staff, on_delete=models.SET_NULL, null=True, blank=True, related_name="homeroom_classes"
    )
    source_id = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "classes"
        constraints = [
            models.UniqueConstraint(fields=["school", "school_year", "grade", "number"], name="roster_class_once"),
            models.CheckConstraint(condition=Q(grade__gte=1, grade__lte=12), name="roster_class_grade"),
        ]

    def __str__(self) -> str:
        return self.name


class SealedIdentity(models.Model):
    """A person whose national ID or residence number is known: sealed, and found by its keyed digest."""

    id_number_sealed = models.BinaryField(null=True, blank=True)
    id_number_digest = models.BinaryField(null=True, blank=True, max_length=32)

    class Meta:
        abstract = True

    def seal_id_number(self, number: str, ring: sealed.KeyRing) -> None:
        """Keep `number` (already normalised) for this row; the caller saves both fields."""
        self.id_number_sealed = ring.seal(number, place=self._place())
        self.id_number_digest = ring.digest(number)

    def open_id_number(self, ring: sealed.KeyRing) -> str | None:
        """The number in clear, or None if none is known. Raises `sealed.SealError` if it was tampered with."""
        return ring.open(self.id_number_sealed, place=self._place()) if self.id_number_sealed else None

    def _place(self) -> str:
        return sealed.place(self._meta.db_table, "id_number_sealed", self.pk)


class Student(SealedIdentity):
    """A student of the city, at the school where they are now; transfer moves the row, and bonds stay with it."""

    class StudyState(models.TextChoices):
        """The states of Taiwanese school systems that matter for attendance, by their common names."""

        ENROLLED = "enrolled", "在籍"
        SUSPENDED = "suspended", "休學"
        ABROAD = "abroad", "出國"
        HOME_SCHOOLED = "home_schooled", "在家自學"
        DROPPED_OUT = "dropped_out", "中輟"
        TRANSFERRED = "transferred", "轉出"
        GRADUATED = "graduated", "畢業"
        DECEASED = "deceased", "死亡"

    ATTENDING = (StudyState.ENROLLED,)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # No index of its own: the unique (school, number) begins with it, and a city's import writes every index.
    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="students", db_index=False)
    number = models.TextField()  # 學號, text, unique within the school
    name = models.TextField()
    birthday = models.DateField(null=True, blank=True)
    stage = models.TextField(choices=Stage.choices)
    grade = models.PositiveSmallIntegerField()
    school_class = models.ForeignKey(
        SchoolClass, on_delete=models.SET_NULL, null=True, blank=True, related_name="students"
    )
    seat = models.PositiveSmallIntegerField(null=True, blank=True)
    study_state = models.TextField(choices=StudyState.choices, default=StudyState.ENROLLED)
    left_on = models.DateField(null=True, blank=True)
    source_id = models.TextField(blank=True)  # the sourcedId of a OneRoster file
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["school", "number"], name="roster_student_number_once"),
            models.UniqueConstraint(
                fields=["id_number_digest"], condition=Q(left_on__isnull=True), name="roster_student_identity_once"
            ),
            models.CheckConstraint(condition=Q(grade__gte=1, grade__lte=12), name="roster_student_grade"),
            models.CheckConstraint(condition=~Q(number=""), name="roster_student_number"),
            models.CheckConstraint(
                condition=Q(id_number_sealed__isnull=True, id_number_digest__isnull=True)
                | Q(id_number_sealed__isnull=False, id_number_digest__isnull=False),
                name="roster_student_sealed_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["school", "school_class", "seat"], name="roster_student_by_class"),
            models.Index(fields=["source_id"], condition=~Q(source_id=""), name="roster_student_source"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class GuardianRecord(SealedIdentity):
    """A guardian as the school recorded them: contact data to compare a claim with, never a bond."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # No index of its own: the unique (student, position) begins with it.
    student = models.ForeignKey(Student, on_delete=models.CASCADE, related_name="guardian_records", db_index=False)
    position = models.PositiveSmallIntegerField(default=1)
    name = models.TextField()
    relation = models.TextField(blank=True)  # 父子, 母女, 祖孫 … as written by the school
    mobile = models.TextField(blank=True)
    email = models.TextField(blank=True)
    source_id = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["student", "position"], name="roster_guardian_position_once"),
            models.CheckConstraint(
                condition=Q(id_number_sealed__isnull=True, id_number_digest__isnull=True)
                | Q(id_number_sealed__isnull=False, id_number_digest__isnull=False),
                name="roster_guardian_sealed_whole",
            ),
        ]
        indexes = [models.Index(fields=["id_number_digest"], name="roster_guardian_digest")]

    def __str__(self) -> str:
        return str(self.pk)


class Import(models.Model):
    """One file handed in by a school: looked through first, then applied, and undone within seven days if need be."""

    class Form(models.TextChoices):
        ONEROSTER = "oneroster", "OneRoster 1.2 CSV"
        SPREADSHEET = "spreadsheet", "試算表"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    school = models.ForeignKey(School, on_delete=models.PROTECT, null=True, related_name="imports")  # null: the city
    form = models.TextField(choices=Form.choices)
    file_name = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    read_at = models.DateTimeField(db_default=Now())
    applied_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict)  # by table: new, changed, leaving, unchanged, bad
    orgs = models.JSONField(default=dict)  # OneRoster: sourcedId of an org to our school's id, for later deltas
    mark = models.TextField(blank=True)  # the xmin of every row it wrote: a row with another one was changed since

    def __str__(self) -> str:
        return str(self.pk)


class ImportChange(models.Model):
    """What an applied import did, kept so that it can be undone: the row as it was before, sealed columns still sealed.

    Where nothing stood before, one change holds up to a thousand new rows.
    """

    class Kind(models.TextChoices):
        NEW = "new"
        CHANGED = "changed"
        LEFT = "left"
        REMOVED = "removed"

    source = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="changes", db_index=False)
    table = models.TextField()
    rows = ArrayField(models.TextField())  # primary keys
    kind = models.TextField(choices=Kind.choices)
    before = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["source", "table"], name="roster_change_by_import")]

    def __str__(self) -> str:
        return f"{self.kind} {self.table} {len(self.rows)}"
