from django.db.models import Q, QuerySet

from gatepost.roster.models import Student
from gatepost.roster.wordings import half_width

FOUND_MOST = 100


def find(students: QuerySet[Student], text: str, *, class_id: str = "") -> list[Student]:
    """Those of `students` with this number, or else whose name or number holds `text`; the first hundred.

    A number that fits exactly means one student whatever class was chosen.
    """
    wanted = half_width(text).replace("\0", "").strip()
    exact = list(students.filter(number__iexact=wanted)[:2])
    if len(exact) == 1:
        return exact
    if class_id.isdecimal():
        students = students.filter(school_class=int(class_id))
    named = list(students.filter(name=wanted)[:FOUND_MOST])
    return named or list(students.filter(Q(name__icontains=wanted) | Q(number__icontains=wanted))[:FOUND_MOST])
