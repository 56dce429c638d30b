"""The board of a school's day as the components draw it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gatepost.access.queries import SCHOOL_STAFF
from gatepost.attendance.board import Board, NotYet, ReaderState
from gatepost.attendance.models import Sweep
from gatepost.attendance.stopped import FROZEN, LOST, StoppedTap
from gatepost.portals import words
from gatepost.portals.frame import MANAGES, class_and_seat
from gatepost.roster.models import School

SHOWN = 60  # rows of the list; a longer one is no list of cases but a school that has not begun


def drawn(board: Board, school: School, *, roles_here: set[str]) -> dict[str, Any]:
    """All the words of the board. Teachers see no release button: that is for who answers for the whole school."""
    zone = school.timezone
    missing = sorted(board.not_yet, key=_urgency)
    return {
        "school_day": board.school_day,
        "deadline": _("Deadline {time}").format(time=words.clock(board.cutoff_at, zone)),
        "figures": _figures(board),
        "alarm": _alarm(board, missing, school, roles_here) if board.held else None,
        "missing": [_missing(one, school) for one in missing[:SHOWN]],
        "more": max(0, len(missing) - SHOWN),
        "readers": readers(board.readers, school, now=board.at, linked=bool(roles_here & set(MANAGES))),
        "stopped": [_stopped(one, zone) for one in board.stopped],
        "released": _released(board, zone),
        "correction_url": _correction_url(board, school, roles_here),
        "confirm_url": _confirm_url(board, school, roles_here),
    }


def _stopped(one: StoppedTap, zone: str) -> dict[str, str]:
    what = {FROZEN: _("Frozen card of {student}"), LOST: _("Lost card of {student}")}[one.why]
    times = ngettext("{n} tap", "{n} taps", one.times).format(n=one.times)
    return {
        "time": words.clock(one.at, zone),
        "text": what.format(student=one.student),
        "note": f"{one.place} · {times}",
    }


def readers(states: Sequence[ReaderState], school: School, *, now: datetime, linked: bool) -> list[dict[str, Any]]:
    """Readers and their health. Fine ones carry no seconds: a list that changes all the time is not read."""
    return [
        {
            "name": f"{one.reader.gate.name} {one.reader.name}",
            "state": _READER_STATES[one.state],
            "word": _reader_word(one, now),
            "heard": _("last heard {time}").format(time=_heard(one, school.timezone, now)),
            "detail": ngettext("{n} tap today", "{n} taps today", one.taps_today).format(n=one.taps_today),
            "url": reverse("school-reader", args=[school.code, one.reader.pk]) if linked else "",
        }
        for one in states
    ]


def held_reason(sweep: Sweep, states: Sequence[ReaderState], zone: str) -> str:
    """Why nothing has been sent, in a sentence for the staff."""
    facts = sweep.held_facts
    if sweep.held_because == Sweep.Held.READERS:
        return _silent_readers(facts.get("readers", []), states, zone)
    if sweep.held_because == Sweep.Held.TAPS:
        return _("Some taps are still being worked on. This usually passes within a minute.")
    if sweep.held_because == Sweep.Held.BRAKE:
        return _(
            "The list is unusually long: {missing} names, at most {most} are usual. Please look at the names first."
        ).format(missing=facts.get("missing", sweep.missing), most=facts.get("most", 0))
    if sweep.held_because == Sweep.Held.RESTORED:
        return _(
            "The data was restored from a backup today, so taps may be missing. Please look at the names, and let the "
            "readers send again what they kept."
        )
    return _("The calendar has no school day for today.")


_READER_STATES = {"fine": "on", "silent": "off", "behind": "held", "resting": "dropped"}


def _reader_word(one: ReaderState, now: datetime) -> str:
    if one.state == "silent":
        return _("Offline {duration}").format(duration=words.duration((now - one.heard_at).total_seconds()))
    if one.state == "behind":
        return ngettext("Still sending {n} tap", "Still sending {n} taps", one.queue).format(n=one.queue)
    return _("Out of use") if one.state == "resting" else _("Working")


def _heard(one: ReaderState, zone: str, now: datetime) -> str:
    if (now - one.heard_at).total_seconds() < 86_400:
        return words.clock(one.heard_at, zone)
    return words.slashed(one.heard_at.date())


def _urgency(one: NotYet) -> tuple[Any, ...]:
    """Home was told first; then who usually comes early; then who never misses a day."""
    student = one.student
    usual = one.usual_at.isoformat() if one.usual_at else "99"
    return (one.told_at is None, usual, one.absent_lately, student.grade, student.seat or 0, student.number)


def _figures(board: Board) -> list[dict[str, Any]]:
    waiting = _("Waiting for readers") if board.held else _("Not in yet")
    return [
        {"state": "arrived", "count": board.arrived, "label": _("Arrived")},
        {"state": "leave", "count": board.on_leave, "label": _("On leave")},
        {"state": "absent", "count": board.not_arrived, "label": _("Not arrived")},
        {
            "state": "held" if board.held else "waiting",
            "count": board.waiting,
            "label": waiting if _by_readers(board) else _("Not in yet"),
        },
    ]


def _by_readers(board: Board) -> bool:
    return board.held and board.sweep is not None and board.sweep.held_because == Sweep.Held.READERS


def _alarm(board: Board, missing: Sequence[NotYet], school: School, roles_here: set[str]) -> dict[str, Any]:
    assert board.sweep is not None  # noqa: S101 - asked by the caller
    waiting = [one for one in missing if one.told_at is None]
    whole = bool(roles_here & set(SCHOOL_STAFF))  # who sees the school counts now; a teacher reads the last count
    count = len(waiting) if whole else board.sweep.missing
    actions = []
    if roles_here & set(MANAGES):
        actions = [
            {"label": _("Look at the readers"), "url": reverse("school-readers", args=[school.code]), "kind": "plain"},
            {
                "label": ngettext("Tell home about {n} student…", "Tell home about {n} students…", count).format(
                    n=count
                ),
                "url": reverse("school-release", args=[school.code]),
                "kind": "quiet",
            },
        ]
    return {
        "title": ngettext(
            "The message “not arrived” about {n} student waits",
            "The message “not arrived” about {n} students waits",
            count,
        ).format(n=count),
        "why": held_reason(board.sweep, board.readers, school.timezone),
        "names": [{"name": one.student.name, "detail": class_and_seat(one.student)} for one in waiting],
        "actions": actions,
    }


def _silent_readers(ids: Sequence[str], states: Sequence[ReaderState], zone: str) -> str:
    silent = [one for one in states if str(one.reader.pk) in ids]
    if not silent:
        return _("No reader of this school is in use, so nobody's tap can be seen.")
    places = words.listed(
        _("{place} since {time}").format(
            place=f"{one.reader.gate.name} {one.reader.name}", time=words.clock(one.heard_at, zone)
        )
        for one in silent
    )
    return _(
        "Not everything is here yet: {places}. Taps may still be on the way. "
        "Call the roll first, or wait until the readers have sent what they hold."
    ).format(places=places)


def _missing(one: NotYet, school: School) -> dict[str, Any]:
    student, code = one.student, school.code
    return {
        "name": student.name,
        "detail": class_and_seat(student),
        "usual": one.usual_at.strftime("%H:%M") if one.usual_at else "",
        "note": _note(one, school.timezone),
        "url": reverse("school-student-today", args=[code, student.pk]),
        "actions": [
            {
                "label": _("Here"),
                "url": reverse("school-seen", args=[code, student.pk]),
                "kind": "plain",
                "method": "post",
                "about": student.name,
                "id": f"seen-{student.pk}",
            },
            {
                "label": _("Leave"),
                "url": reverse("school-leave", args=[code, student.pk]),
                "kind": "plain",
                "about": student.name,
                "id": f"leave-{student.pk}",
            },
            {
                "label": _("Enter"),
                "url": f"{reverse('school-entry', args=[code])}?student={student.pk}",
                "kind": "plain",
                "about": student.name,
                "id": f"enter-{student.pk}",
            },
        ],
    }


def _note(one: NotYet, zone: str) -> str:
    if one.told_at:
        return _("Home was told at {time}").format(time=words.clock(one.told_at, zone))
    if one.usual_at is None and not one.absent_lately:
        return ""
    if not one.absent_lately:
        return _("Never absent lately")
    return ngettext("Absent {n} day lately", "Absent {n} days lately", one.absent_lately).format(n=one.absent_lately)


def _correction_url(board: Board, school: School, roles_here: set[str]) -> str:
    """Where messages that went out are taken back, for who may do it."""
    may = bool(board.not_arrived and roles_here & set(MANAGES))
    return reverse("school-correction", args=[school.code]) if may else ""


def _confirm_url(board: Board, school: School, roles_here: set[str]) -> str:
    """Where the school says that it looked for them, so that text messages may go."""
    sweep = board.sweep
    waits = sweep is not None and sweep.decided_at is not None and sweep.confirmed_at is None
    may = "sms" in settings.CHANNELS and waits and board.not_arrived and roles_here & set(MANAGES)
    return reverse("school-sms-confirmation", args=[school.code]) if may else ""


def _released(board: Board, zone: str) -> str:
    sweep = board.sweep
    if sweep is None or sweep.decided_at is None:
        return ""
    at = words.clock(sweep.decided_at, zone)
    if sweep.released_by is not None:
        return _("{name} released the messages at {time}.").format(name=sweep.released_by.get_full_name(), time=at)
    return _("The list was checked at {time}.").format(time=at)
