"""What a digest says: each child's day as far as it is on record, what is missing, and what is only inferred."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext

from gatepost.attendance import leaves
from gatepost.attendance.daylines import SILENT_AFTER
from gatepost.attendance.models import Day, Event, SchoolDay
from gatepost.gates.models import ReaderHealth
from gatepost.guardians import bonds
from gatepost.guardians.models import Guardianship, Right
from gatepost.notify.topics import Words

Data = Mapping[str, Any]
CHILDREN_MOST = 20  # of one account, in one message


def fill(asked: Sequence[tuple[UUID, Data]], now: datetime) -> list[Data | None]:
    """For each account and the data of its notice, what may be said of its children now; None where there is nothing.

    A handful of queries for each day that is asked for, which is one.
    """
    by_day: dict[date, list[UUID]] = defaultdict(list)
    for account_id, data in asked:
        by_day[date.fromisoformat(data["day"])].append(account_id)
    found = {(pk, day): rows for day, pks in by_day.items() for pk, rows in _children(pks, day, now).items()}
    filled: list[Data | None] = []
    for account_id, data in asked:
        rows = found.get((account_id, date.fromisoformat(data["day"])))
        filled.append({**data, "children": rows[:CHILDREN_MOST]} if rows else None)
    return filled


def words(data: Data, now: datetime) -> Words:
    """In the reader's language: a line for each child, then what is to be known of the records."""
    day = date_format(date.fromisoformat(data["day"]), gettext("l, j F"))
    headline = gettext("{day}: arrivals and departures").format(day=day)
    children = data.get("children", ())
    zone = children[0]["timezone"] if children else "UTC"
    notes = [gettext("As of {time}.").format(time=now.astimezone(ZoneInfo(zone)).strftime("%H:%M"))]
    if any(child["inferred"] for child in children):
        notes.append(
            gettext("The reader does not tell coming from going: a tap after school lets out counts as going.")
        )
    silent = list(dict.fromkeys(child["school"] for child in children if child["silent"]))
    if silent:
        notes.append(
            gettext("A reader of {schools} is offline: something may be missing here.").format(schools=_listed(silent))
        )
    lines = [gettext("{student}: {events}").format(student=one["student"], events=_events(one)) for one in children]
    return Words(subject=headline, headline=headline, lines=(*lines, *notes))


def _events(child: Data) -> str:
    """07:42 到校、16:05 離校, and what is missing."""
    if not child["arrived"] and not child["left"]:
        if child["seen"]:
            return gettext("seen at school by a member of staff, without an hour of arrival")
        if child["leave"]:
            return str(leaves.WORDS[child["leave"]])
        return gettext("no tap and no entry on record")
    arrived = gettext("arrived {time}").format(time=child["arrived"]) if child["arrived"] else ""
    left = gettext("left {time}").format(time=child["left"]) if child["left"] else ""
    said = [
        _sourced(arrived, child["arrived_by_hand"]) or gettext("no arrival on record"),
        _sourced(left, child["left_by_hand"]) or gettext("no departure on record yet"),
    ]
    return _listed(said)


def _sourced(event: str, by_hand: bool) -> str:
    """An event that no card stands behind says so."""
    return gettext("{event} (entered by the school)").format(event=event) if event and by_hand else event


def _listed(parts: Iterable[str]) -> str:
    return pgettext("between names", ", ").join(parts)


def children_told(account_ids: Sequence[UUID], day: date) -> QuerySet[Guardianship]:
    """The bonds by which these accounts may be told, at this moment, of children who have school on `day`."""
    school_day = SchoolDay.objects.filter(
        school=OuterRef("student__school"), grade=OuterRef("student__grade"), date=day, kind__in=SchoolDay.OPEN
    )
    return bonds.in_force(Right.TOLD).filter(Exists(school_day), account_id__in=account_ids)


def _children(account_ids: Sequence[UUID], day: date, now: datetime) -> dict[UUID, list[dict[str, Any]]]:
    held = list(children_told(account_ids, day).select_related("student__school").order_by("-student__grade", "pk"))
    students, schools = {one.student_id for one in held}, {one.student.school_id for one in held}
    days = {one.student_id: one for one in Day.objects.filter(school_id__in=schools, date=day, student_id__in=students)}
    ids = {pk for one in days.values() for pk in (one.arrived_event_id, one.left_event_id) if pk}
    events = {one.pk: one for one in Event.objects.filter(school_id__in=schools, date=day, pk__in=ids)}
    away = dict(leaves.standing(day, day).filter(student__in=students).values_list("student", "kind"))
    silent = _silent(schools, now)
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for one in held:
        known = days.get(one.student_id)
        arrived = events.get(known.arrived_event_id or 0) if known else None
        left = events.get(known.left_event_id or 0) if known else None
        zone = one.student.school.timezone
        found[one.account_id].append(
            {
                "student": one.student.name,
                "school": one.student.school.short_name,
                "timezone": zone,
                "arrived": _clock(known.arrived_at if known else None, zone),
                "left": _clock(known.left_at if known else None, zone),
                "seen": known is not None and known.seen_at is not None,
                "leave": away.get(one.student_id, ""),
                "arrived_by_hand": arrived is not None and arrived.source != Event.Source.CARD,
                "left_by_hand": left is not None and left.source != Event.Source.CARD,
                "inferred": left is not None and not left.sure,
                "silent": one.student.school_id in silent,
            }
        )
    return found


def _silent(schools: set[int], now: datetime) -> set[int]:
    """The schools with a reader that should be heard and is not, or that holds taps back."""
    in_use = ReaderHealth.objects.filter(reader__school__in=schools, reader__revoked_at=None, reader__rested_at=None)
    rows = in_use.values_list("reader__school_id", "heard_at", "queue")
    return {school for school, heard_at, queue in rows if now - heard_at > SILENT_AFTER or queue > 0}


def _clock(at: datetime | None, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%H:%M") if at else ""
