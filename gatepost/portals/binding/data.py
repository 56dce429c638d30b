"""Check the student's data: correct, or whom to ask."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import PUBLIC, open_to
from gatepost.guardians.applications import family as acts
from gatepost.guardians.applications.family import ApplicationRefused
from gatepost.guardians.applications.models import Desk
from gatepost.portals.binding.family import Family, applying, frame, language
from gatepost.portals.binding.words import once_more
from gatepost.portals.frame import class_and_seat, page
from gatepost.portals.moment import now_of


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
@applying
def check(request: HttpRequest, family: Family) -> HttpResponse:
    """What the school knows of the student. “Correct” goes on; “not correct” says whom to ask."""
    if family.application and family.application.is_open and not family.application.is_with_family:
        return redirect("binding-status")
    answer = request.POST.get("answer", "")
    if request.method == "POST" and answer == "correct" and _confirmed(request, family):
        return redirect("binding-consent")
    desk = Desk.objects.filter(school=family.student.school).first()
    return page(
        request,
        "binding/data.html",
        frame(request, family),
        student=family.student,
        class_and_seat=class_and_seat(family.student),
        contact=desk.contact if desk else "",
        is_wrong=answer == "wrong",
        is_unanswered=request.method == "POST" and answer not in ("correct", "wrong"),
    )


def _confirmed(request: HttpRequest, family: Family) -> bool:
    now = now_of(request)
    try:
        opened = acts.open_application(family.student, language=language(), now=now, invitation=family.invitation)
        acts.confirm_data(opened, now=now)
    except ApplicationRefused as refused:
        messages.warning(request, once_more(refused.code))
        return False
    return True
