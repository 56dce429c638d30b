"""Charts drawn on the server: places of marks in the units of a view box, for a template that draws them as SVG.

No script and no style of their own: colours come from the style sheet, so they follow light and dark. Numbers are
texts with a point, whatever the reader's language.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from gatepost.attendance.records import Figures, Record
from gatepost.kit.clock import next_month

# A view box is as wide as a small phone, so that letters there have the size they have here.
WIDTH, LEFT, RIGHT, TOP = 328, 44, 322, 8
DOTS_HEIGHT, BARS_HEIGHT, FOOT = 190, 168, 22
STEP_MINUTES = 15
SPAN_MAX = 120  # minutes; what is later is drawn at the upper edge
MONTHS_MOST = 12
# From below to above; each has its own pattern in the style sheet.
PARTS = ("present", "late", "on_leave", "not_arrived", "no_record")


def arrivals(records: Sequence[Record], *, first: date, last: date, bell: time, zone: str) -> dict[str, Any] | None:
    """A mark for each arrival: the day to the right, the hour upwards, the bell as a line where it is near.

    None without arrivals.
    """
    came = [(one, _minute(one.arrived_at, zone)) for one in records if one.arrived_at]
    if not came:
        return None
    rings = bell.hour * 60 + bell.minute
    minutes = [minute for _one, minute in came]
    shown = [*minutes, rings] if min(minutes) <= rings < min(minutes) + SPAN_MAX else minutes
    low = min(shown) // STEP_MINUTES * STEP_MINUTES
    high = -(-min(max(shown) + 1, low + SPAN_MAX) // STEP_MINUTES) * STEP_MINUTES
    bottom = DOTS_HEIGHT - FOOT

    def y(minute: float) -> str:
        return _n(bottom - (min(minute, high) - low) / (high - low) * (bottom - TOP))

    def x(day: date) -> str:
        return _n(LEFT + 6 + (day - first).days / max(1, (last - first).days) * (RIGHT - LEFT - 12))

    step = STEP_MINUTES if high - low <= 60 else 2 * STEP_MINUTES
    return {
        "height": DOTS_HEIGHT,
        "bottom": bottom,
        "dots": [{"x": x(one.date), "y": y(minute), "late": one.late} for one, minute in came],
        "hours": [{"y": y(minute), "text": clock(minute)} for minute in range(low, high + 1, step)],
        "bell": y(rings) if low <= rings <= high else "",
        "months": [{"x": x(max(month, first)), "text": month.month} for month in _months(first, last)],
    }


def bars(by_month: Mapping[date, Figures]) -> dict[str, Any]:
    """A bar for each month: its school days, one part upon the other. The table behind it has the same figures."""
    bottom = BARS_HEIGHT - FOOT
    most = max([one.school_days for one in by_month.values()], default=0) or 1
    room = (RIGHT - LEFT) / max(1, len(by_month))
    width = min(34.0, room * 0.6)
    drawn = []
    for nth, (month, figures) in enumerate(by_month.items()):
        left, up, parts = LEFT + nth * room + (room - width) / 2, 0, []
        for part in PARTS:
            days = figures.present - figures.late if part == "present" else getattr(figures, part)
            if days:
                up += days
                top = bottom - up / most * (bottom - TOP)
                parts.append({"part": part, "y": _n(top), "height": _n(days / most * (bottom - TOP))})
        drawn.append({"x": _n(left), "middle": _n(left + width / 2), "text": month.month, "parts": parts})
    half = most // 2
    lines = [{"y": _n(bottom - n / most * (bottom - TOP)), "text": n} for n in sorted({0, half, most})]
    return {"height": BARS_HEIGHT, "bottom": bottom, "width": _n(width), "bars": drawn, "lines": lines}


def middle(minutes: Sequence[int]) -> int:
    """The middle one; of two in the middle the earlier."""
    return sorted(minutes)[(len(minutes) - 1) // 2]


def arrival_minutes(records: Sequence[Record], zone: str) -> list[int]:
    """The arrivals as minutes after midnight on the wall in `zone`."""
    return [_minute(one.arrived_at, zone) for one in records if one.arrived_at]


def _minute(at: datetime, zone: str) -> int:
    wall = at.astimezone(ZoneInfo(zone))
    return wall.hour * 60 + wall.minute


def clock(minute: int) -> str:
    """07:42 for 462."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _months(first: date, last: date) -> list[date]:
    found = [first.replace(day=1)]
    while (after := next_month(found[-1])) <= last and len(found) < MONTHS_MOST:
        found.append(after)
    return found


def _n(number: float) -> str:
    return f"{number:.1f}"
