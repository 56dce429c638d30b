"""What is asked of the applications."""

from django.db.models import Exists, OuterRef, QuerySet

from gatepost.guardians.applications.models import Application, Desk
from gatepost.roster.models import School


def queue(school: School) -> QuerySet[Application]:
    """The applications that wait for `school` now, the longest waiting first."""
    return (
        Application.objects.filter(
            student__school=school,
            submitted_at__isnull=False,
            returned_at=None,
            decided_at=None,
            withdrawn_at=None,
            set_aside_at=None,
        )
        .select_related("student", "student__school_class", "claim")
        .order_by("submitted_at", "pk")
    )


def schools_that_take_applications() -> QuerySet[School]:
    """The schools whose desk is open, by district and code."""
    desks = Desk.objects.filter(school=OuterRef("pk"), closed_at=None)
    return School.objects.filter(Exists(desks), opened_at__isnull=False).order_by("district_id", "code")
