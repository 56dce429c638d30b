"""What the schools of the guardian to sign in as have written to families lately, and who has read it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import connection

from gatepost.access.models import Role
from gatepost.accounts.models import Account
from gatepost.circulars import posting, receipts, writing
from gatepost.circulars.models import Circular
from gatepost.demo import cast
from gatepost.guardians import bonds
from gatepost.roster.models import Student

NAMES: Final = UUID("6d1f4f0e-5f5f-4e58-9d65-2b5d3c0e7a11")  # of the forms: each is written once
BATCHES_MOST: Final = 50
# Days ago, title, text, whether a receipt is asked for, days it is current.
NOTICES: Final = (
    (
        3,
        "校外教學：動物園",
        "下週五全班到動物園校外教學，早上 8 時 20 分在校門口集合。\n\n請讓孩子穿運動服，帶水壺與午餐。"
        "請家長簽收；不克參加者請在回覆中說明。",
        True,
        14,
    ),
    (1, "本週聯絡事項", "數學習作第 36 到 39 頁請在週四前完成。\n\n週五是圖書館借書日，請把上次借的書帶來。", False, 6),
)
MESSAGE: Final = ("明天自來水停水", "學校明天上午 9 時到下午 3 時停水，請讓孩子自備飲用水。營養午餐照常供應。")
REPLIES: Final = ("", "收到，謝謝老師", "", "孩子當天請假，無法參加")


def write(children: Sequence[UUID], *, now: datetime) -> None:
    """Class notices for the classes of `children`, some signed already, and a message to each of their grades."""
    for child in Student.objects.filter(pk__in=children).select_related("school", "school_class"):
        teacher = Role.objects.filter(name=Role.Name.TEACHER, school_class=child.school_class).first()
        office = Role.objects.filter(name=Role.Name.STUDENT_AFFAIRS, school=child.school).order_by("pk").first()
        if teacher is not None:
            classmates = Student.objects.filter(school_class=child.school_class, left_on=None)
            for notice in NOTICES:
                _notice(notice, child, list(classmates.values_list("pk", flat=True)), teacher.account, now=now)
        if office is not None:
            grade = Student.objects.filter(school=child.school, grade=child.grade, left_on=None)
            _message(child, list(grade.values_list("pk", flat=True)), office.account, now=now)


def _notice(notice: Any, child: Student, students: list[UUID], by: Account, *, now: datetime) -> None:
    days, title, body, asks_receipt, current = notice
    then = now - timedelta(days=days)
    draft = writing.Draft(
        kind=Circular.Kind.NOTICE,
        title=title,
        body=body,
        audience={"classes": [child.school_class_id]},
        form_id=uuid5(NAMES, f"{title} {child.school_class_id}"),
        asks_receipt=asks_receipt,
        until=then.date() + timedelta(days=current),
    )
    one = writing.write(child.school, draft, students, by=by, office="teacher", now=then)
    _deliver(one, then)
    _read(one, then)


def _message(child: Student, students: list[UUID], by: Account, *, now: datetime) -> None:
    then = now - timedelta(days=1)
    title, body = MESSAGE
    audience = {"grades": [child.grade], "classes": [], "students": 0}
    form_id = uuid5(NAMES, f"{title} {child.school_id} {child.grade}")
    draft = writing.Draft(Circular.Kind.MESSAGE, title, body, audience, form_id)
    _deliver(writing.write(child.school, draft, students, by=by, office="student_affairs", now=then), then)


def _read(one: Circular, then: datetime) -> None:
    """Half of the families have read it, and signed where they were asked; not the guardian to sign in as."""
    addressees = {row.student_id: row for row in one.addressees.all()}
    readers = bonds.in_force().filter(student__in=addressees).exclude(account__email=cast.GUARDIAN.email)
    for nth, bond in enumerate(readers.select_related("account").order_by("student", "pk")[::2]):
        at = then + timedelta(minutes=20 + 7 * nth)
        if one.asks_receipt:
            receipts.sign(addressees[bond.student_id], bond.account, reply=REPLIES[nth % len(REPLIES)], now=at)
        else:
            receipts.note_read(addressees[bond.student_id], bond.account, now=at)


def _deliver(one: Circular, then: datetime) -> None:
    """Home was told then: nothing of it waits to be sent when the city opens."""
    for _batch in range(BATCHES_MOST):
        if not posting.post_due(now=then):
            break
    with connection.cursor() as cursor:
        cursor.execute(_SENT, {"day": one.on_date, "key": one.key, "at": then + timedelta(seconds=2)})


_SENT = """
UPDATE notify_delivery delivery
SET state = 'sent', attempts = 1, response = '250 2.0.0 Ok', settled_at = %(at)s
FROM notify_notice notice
WHERE notice.on_date = %(day)s AND notice.key = %(key)s
  AND delivery.on_date = notice.on_date AND delivery.notice_id = notice.id
"""
