from datetime import datetime, time, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from gatepost.kit.clock import at_local, local_date
from gatepost.roster.models import School, Student


class SchoolDay(models.Model):
    """One date for one grade of one school. A date without a row is no school day."""

    class Kind(models.TextChoices):
        SCHOOL = "school", "上課日"
        HALF = "half", "半天課"
        MAKE_UP = "make_up", "補課日"
        HOLIDAY = "holiday", "放假"
        CLOSURE = "closure", "停課"

    OPEN = (Kind.SCHOOL, Kind.HALF, Kind.MAKE_UP)

    school = models.ForeignKey(School, on_delete=models.CASCADE, related_name="days")
    grade = models.PositiveSmallIntegerField()
    date = models.DateField()
    kind = models.TextField(choices=Kind.choices)
    name = models.TextField(blank=True)  # 國慶日, 颱風停課, 段考 …
    leave_from = models.TimeField(null=True, blank=True)  # where this day lets out earlier than the timetable

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["school", "date", "grade"], name="attendance_day_once"),
            models.CheckConstraint(condition=Q(grade__gte=1, grade__lte=12), name="attendance_day_grade"),
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.kind}"


class Timetable(models.Model):
    """The earliest time a grade may leave on a weekday (Monday is 1). Before it a tap is a coming, after it a going."""

    school = models.ForeignKey(School, on_delete=models.CASCADE, related_name="timetable")
    grade = models.PositiveSmallIntegerField()
    weekday = models.PositiveSmallIntegerField()
    leave_from = models.TimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["school", "grade", "weekday"], name="attendance_timetable_once"),
            models.CheckConstraint(condition=Q(weekday__gte=1, weekday__lte=7), name="attendance_timetable_weekday"),
        ]

    def __str__(self) -> str:
        return f"{self.grade}/{self.weekday} {self.leave_from}"


class Rules(models.Model):
    """A school's own times and limits for attendance. A school without a row keeps these defaults."""

    school = models.OneToOneField(School, primary_key=True, on_delete=models.CASCADE, related_name="attendance_rules")
    late_after = models.TimeField(default=time(8, 0))  # the bell: an arrival after it is late
    cutoff = models.TimeField(default=time(8, 10))  # 到校截止: who is not seen by then is asked for
    leave_from = models.TimeField(default=time(15, 30))  # where the timetable says nothing
    half_day_leave_from = models.TimeField(default=time(12, 0))
    quiet_gap_seconds = models.PositiveIntegerField(default=300)  # a second tap within it is the same event
    brake_percent = models.PositiveSmallIntegerField(default=8)  # a longer list than this share of the school waits
    brake_times_usual = models.PositiveSmallIntegerField(default=3)  # … and one longer than this many times its usual
    brake_at_least = models.PositiveSmallIntegerField(default=5)  # fewer names than this never wait
    not_arrived_until = models.TimeField(default=time(10, 0))  # later than this it is no news any more

    class Meta:
        verbose_name_plural = "rules"

    def __str__(self) -> str:
        return str(self.pk)


class Event(models.Model):
    """Something that was seen of a student on a day, and by whom. Never changed; a wrong one is voided by another.

    Partitioned by month of `date`. `side` is decided once, when the event is written: `in`, `out`, or `seen` (present,
    direction and hour unknown).
    """

    class Source(models.TextChoices):
        CARD = "card", "刷卡"
        GUARD = "guard", "警衛登記"
        TEACHER = "teacher", "導師登記"
        OFFICE = "office", "學務處登記"

    class Side(models.TextChoices):
        IN = "in", "到校"
        OUT = "out", "離校"
        SEEN = "seen", "在校"

    id = models.BigIntegerField(primary_key=True)
    school_id = models.IntegerField()
    date = models.DateField()
    student_id = models.UUIDField()
    at = models.DateTimeField()
    side = models.TextField(choices=Side.choices)
    sure = models.BooleanField()  # the gate or a person said which side; otherwise the timetable did
    source = models.TextField(choices=Source.choices)
    reader_id = models.UUIDField(null=True)  # source card: where
    nonce = models.UUIDField(null=True)  # … and which tap
    by_id = models.UUIDField(null=True)  # any other source: who
    note = models.TextField(blank=True)
    recorded_at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True)
    voided_by_id = models.UUIDField(null=True)
    voided_because = models.TextField(blank=True)

    class Meta:
        db_table = "attendance_event"

    def __str__(self) -> str:
        return f"{self.side} {self.at}"


class Day(models.Model):
    """A student's day, folded from its events; any order of the same events gives the same row.

    Partitioned by month of `date`. `not_arrived_at` is when the sweep told home; only a correction takes it away.
    """

    pk = models.CompositePrimaryKey("school_id", "date", "student_id")
    school_id = models.IntegerField()
    date = models.DateField()
    student_id = models.UUIDField()
    arrived_at = models.DateTimeField(null=True)
    arrived_event_id = models.BigIntegerField(null=True)
    left_at = models.DateTimeField(null=True)
    left_event_id = models.BigIntegerField(null=True)
    seen_at = models.DateTimeField(null=True)  # the first sign of any kind
    not_arrived_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "attendance_day"

    def __str__(self) -> str:
        return f"{self.date} {self.student_id}"


class Leave(models.Model):
    """Days a student is excused, asked for or granted. A pending one counts against an alarm."""

    class Kind(models.TextChoices):
        PERSONAL = "personal", "事假"
        SICK = "sick", "病假"
        OFFICIAL = "official", "公假"
        BEREAVEMENT = "bereavement", "喪假"
        OTHER = "other", "其他"

    student = models.ForeignKey(Student, on_delete=models.CASCADE, related_name="leaves")
    first_date = models.DateField()
    last_date = models.DateField()
    kind = models.TextField(choices=Kind.choices)
    asked_at = models.DateTimeField(db_default=Now())
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    refused_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(last_date__gte=models.F("first_date")), name="attendance_leave_runs"),
            models.CheckConstraint(
                condition=Q(approved_at__isnull=True) | Q(refused_at__isnull=True), name="attendance_leave_one_answer"
            ),
        ]
        indexes = [models.Index(fields=["student", "first_date", "last_date"], name="attendance_leave_student")]

    def __str__(self) -> str:
        return str(self.pk)


class Sweep(models.Model):
    """The question "who has not arrived?" of one school on one day: held with a reason, or decided once.

    While `decided_at` is null and `held_because` is set, nothing has been said to anybody and staff see why.
    """

    class Held(models.TextChoices):
        READERS = "readers", "讀卡機資料不完整"
        TAPS = "taps", "刷卡資料處理中"
        BRAKE = "brake", "人數異常"
        CALENDAR = "calendar", "行事曆未設定"
        RESTORED = "restored", "資料自備份還原"

    school = models.ForeignKey(School, on_delete=models.CASCADE, related_name="sweeps")
    date = models.DateField()
    asked_at = models.DateTimeField()  # the last time the question was asked
    held_at = models.DateTimeField(null=True)
    held_because = models.TextField(choices=Held.choices, blank=True)
    held_facts = models.JSONField(default=dict)  # ids of silent readers, counts
    decided_at = models.DateTimeField(null=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)  # the school looked for them: what is paid for may be sent, too
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    expected = models.PositiveIntegerField(default=0)
    missing = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["school", "date"], name="attendance_sweep_once"),
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True) | Q(decided_at__isnull=False),
                name="attendance_sweep_confirmed_once_decided",
            ),
            models.CheckConstraint(
                condition=Q(held_at__isnull=True, held_because="") | (Q(held_at__isnull=False) & ~Q(held_because="")),
                name="attendance_sweep_held_has_a_reason",
            ),
        ]
        indexes = [models.Index(fields=["school", "-date"], name="attendance_sweep_newest")]

    def __str__(self) -> str:
        return f"{self.school_id} {self.date}"

    @property
    def waits_for(self) -> frozenset[str]:
        """The ids of the readers whose silence holds it; empty once it is decided."""
        held = self.decided_at is None and self.held_because == self.Held.READERS
        return frozenset(self.held_facts.get("readers", ())) if held else frozenset()


class Digest(models.Model):
    """When an account wants its digest, on the clocks of `timezone`. It is sent while a subscription says where."""

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="digest"
    )
    at = models.TimeField()
    timezone = models.TextField()
    next_at = models.DateTimeField()
    replaced = models.JSONField(default=list)  # the single messages that stood at the address: about, topic

    class Meta:
        db_table = "attendance_digest"
        indexes = [models.Index(fields=["next_at"], name="attendance_digest_due")]

    def __str__(self) -> str:
        return str(self.pk)

    def after(self, now: datetime) -> datetime:
        """The first moment after `now` at which it is due."""
        day = local_date(now, self.timezone)
        today = at_local(day, self.at, self.timezone)
        return today if today > now else at_local(day + timedelta(days=1), self.at, self.timezone)
