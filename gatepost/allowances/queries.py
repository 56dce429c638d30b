from datetime import date, timedelta

from django.conf import settings
from django.db.models import Count

from gatepost.allowances.models import Budget
from gatepost.attendance.models import Day, Sweep
from gatepost.attendance.notices import NOT_ARRIVED
from gatepost.kit.clock import next_month
from gatepost.notify import ladder
from gatepost.notify.models import Channel, Delivery, Notice
from gatepost.roster.models import School, Student

MONTHS_SHOWN = 8
OURS = ("budget", "not_granted", "unconfirmed")  # what the school can do something about


def budgets_of(school: School, today: date) -> list[Budget]:
    """The school's budgets, from the month before this one on."""
    before = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    return list(Budget.objects.filter(school=school, month__gte=before).order_by("month")[:MONTHS_SHOWN])


def not_sent(school: School, month: date) -> dict[str, int]:
    """How many short messages about the school's students were not sent in `month`, by the reason's code."""
    students = Student.objects.filter(school=school).values("pk")
    rows = Delivery.objects.filter(
        on_date__gte=month,
        on_date__lt=next_month(month),
        channel=Channel.SMS,
        state=Delivery.State.DROPPED,
        because__in=OURS,
        about__in=students,
    )
    return dict(rows.values_list("because").annotate(number=Count("pk")).order_by("because"))


def waiting(school: School, day: date) -> int:
    """How many short messages "not arrived" of `day` wait for the school's word, or may be made with it (`ladder`)."""
    students = Student.objects.filter(school=school).values("pk")
    said = Notice.objects.filter(on_date=day, about__in=students, topic=NOT_ARRIVED).values("id")
    queued = Delivery.objects.filter(on_date=day, channel=Channel.SMS, state=Delivery.State.QUEUED)
    return queued.filter(notice_id__in=said).count() + _not_climbed(school, day)


def _not_climbed(school: School, day: date) -> int:
    """How many more people could be told by short message, had the school confirmed."""
    paid = Budget.objects.with_some_left().filter(school=school, month=day.replace(day=1))
    asked = Sweep.objects.filter(school=school, date=day, decided_at__isnull=False, confirmed_at=None)
    if Channel.SMS not in settings.CHANNELS or not paid.exists() or not asked.exists():
        return 0
    told = Day.objects.filter(school_id=school.pk, date=day, not_arrived_at__isnull=False)
    return ladder.would_reach(Channel.SMS, list(told.values_list("student_id", flat=True)), on_date=day)
