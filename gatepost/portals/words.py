"""How the portals say what the rooms keep as codes, and how they write hours and dates."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from gatepost.access.models import Invitation, Role
from gatepost.accounts.attempts import TooOften
from gatepost.attendance import leaves
from gatepost.attendance.daylines import DayLine, WeekDay
from gatepost.attendance.models import Event, SchoolDay
from gatepost.notify import topics
from gatepost.notify.climbs import Climbed, Step
from gatepost.notify.models import Climb, Rung
from gatepost.notify.queries import Told
from gatepost.roster.roc_dates import ROC_OFFSET, roc_date, roc_year, term_name
from gatepost.roster.terms import Span

DAY_FIRST = ("vi", "id")  # languages that write 23/11/2026

ROLES: dict[str, Promise] = {
    "teacher": gettext_lazy("Homeroom teacher"),
    "student_affairs": gettext_lazy("Student affairs"),
    "registrar": gettext_lazy("Registrar"),
    "school_administrator": gettext_lazy("School administrator"),
    "bureau_officer": gettext_lazy("Education bureau"),
    "operator": gettext_lazy("Operator"),
}
SIDES: dict[str, Promise] = {
    Event.Side.IN: gettext_lazy("Arrival"),
    Event.Side.OUT: gettext_lazy("Departure"),
    Event.Side.SEEN: gettext_lazy("Seen at school"),
}
LEAVES: dict[str, Promise] = leaves.WORDS
DAY_KINDS: dict[str, Promise] = {
    SchoolDay.Kind.SCHOOL: gettext_lazy("School day"),
    SchoolDay.Kind.HALF: gettext_lazy("Half day"),
    SchoolDay.Kind.MAKE_UP: gettext_lazy("Make-up day"),
    SchoolDay.Kind.HOLIDAY: gettext_lazy("No school"),
    SchoolDay.Kind.CLOSURE: gettext_lazy("School closed"),
}
NEWS_KINDS: dict[str, Promise] = {
    "news": gettext_lazy("News"),
    "system": gettext_lazy("System"),
    "event": pgettext_lazy("kind of announcement", "Event"),
    "urgent": gettext_lazy("Urgent"),
}
# As short as a column of a phone: 一, Mon.
_WEEKDAYS = (
    pgettext_lazy("short weekday", "Mon"),
    pgettext_lazy("short weekday", "Tue"),
    pgettext_lazy("short weekday", "Wed"),
    pgettext_lazy("short weekday", "Thu"),
    pgettext_lazy("short weekday", "Fri"),
    pgettext_lazy("short weekday", "Sat"),
    pgettext_lazy("short weekday", "Sun"),
)
GRANT_STATES: dict[str, Promise] = {
    "waiting": gettext_lazy("The school has not answered yet"),
    "approved": gettext_lazy("Granted"),
    "refused": gettext_lazy("Refused"),
}
CHANNELS: dict[str, Promise] = {
    "email": gettext_lazy("Email"),
    "line": gettext_lazy("LINE"),
    "push": gettext_lazy("App"),
    "sms": gettext_lazy("Text message"),
}

CARD_STATES: dict[str, Promise] = {
    "active": pgettext_lazy("card", "In use"),
    "frozen": pgettext_lazy("card", "Frozen"),
    "lost": pgettext_lazy("card", "Reported lost"),
    "replaced": pgettext_lazy("card", "Replaced"),
    "returned": pgettext_lazy("card", "Given back"),
}
CARD_LINES = {"active": "arrived", "frozen": "held", "lost": "absent", "replaced": "closed", "returned": "closed"}

# A delivery's states, each only as much as we know: taken by a server is not yet read by a person.
DELIVERY_STATES: dict[str, Promise] = {
    "queued": gettext_lazy("Waiting to be sent"),
    "sending": gettext_lazy("Being sent"),
    "sent": gettext_lazy("Handed to the mail server"),
    "delivered": gettext_lazy("Delivered"),
    "failed": gettext_lazy("Could not be delivered"),
    "dropped": gettext_lazy("Not sent"),
}
# Who took it, where that is no mail server.
SENT: dict[str, Promise] = {
    "line": gettext_lazy("Handed to LINE"),
    "push": gettext_lazy("Handed to the push service"),
    "sms": gettext_lazy("Handed to the phone company"),
}
DELIVERY_REASONS: dict[str, Promise] = {
    "refused": gettext_lazy("The mail server refused this address. It is switched off until it is proven again."),
    "bounced": gettext_lazy("The mail came back. The address is switched off until it is proven again."),
    "too_late": gettext_lazy("The mail server could not be reached in time."),
    "stale": gettext_lazy("It would have come too late to be news."),
    "withdrawn": gettext_lazy("It was taken back before it was sent."),
    "proven": gettext_lazy("Not needed any more: somebody had confirmed it meanwhile."),
    "on_leave": gettext_lazy("Leave was put down before it was sent."),
    "ended": gettext_lazy("The person may no longer be told about this child."),
    "unsubscribed": gettext_lazy("The person had switched this message off."),
    "quiet": gettext_lazy("The person wants no such message in their quiet hours."),
    "unreachable": gettext_lazy("The address was not proven, or was switched off."),
}
# The same where the channel is another than email: by channel and reason.
CHANNEL_REASONS: dict[tuple[str, str], Promise] = {
    ("sms", "refused"): gettext_lazy("The phone company does not know this number. It is switched off."),
    ("sms", "undelivered"): gettext_lazy("The telephone could not be reached."),
    ("sms", "too_late"): gettext_lazy("The phone company could not be reached in time."),
    ("sms", "unreachable"): gettext_lazy("The number was not proven, or was switched off."),
    ("sms", "budget"): gettext_lazy("The school’s budget for text messages is used up."),
    ("sms", "not_granted"): gettext_lazy("Arrivals and departures by text message were not granted for this month."),
    ("sms", "unconfirmed"): gettext_lazy("The school had not confirmed it in time."),
    ("sms", "not_by_sms"): gettext_lazy("This is told by other ways than text messages."),
    ("line", "refused"): gettext_lazy("LINE does not know this person any more. LINE is to be connected again."),
    ("line", "too_late"): gettext_lazy("LINE could not be reached in time."),
    ("line", "budget"): gettext_lazy("The month’s LINE messages are used up."),
    ("push", "refused"): gettext_lazy("The device takes no messages any more. It must be set up anew there."),
    ("push", "too_late"): gettext_lazy("The push service could not be reached in time."),
}
ADDRESS_REASONS: dict[str, Promise] = {
    "undelivered": gettext_lazy("The phone company says that this number does not work."),
    "bounced": gettext_lazy("Mail to it came back."),
    "refused": gettext_lazy("Its mail server refused our mail."),
    "unfollowed": gettext_lazy("Our account was blocked on LINE."),
    "signed_out": gettext_lazy("You signed out there. Sign in on that device, and messages come again."),
}

# The state of a line as the style sheet knows it: shape and colour.
_LINE_STATES = {
    "present": "arrived",
    "not_arrived": "absent",
    "unseen": "held",
    "no_school": "closed",
}
_NOTHING_YET = ("waiting", "held", "unseen")


def clock(at: datetime | None, zone: str) -> str:
    """07:42 on the wall in `zone`; empty for no time."""
    return at.astimezone(ZoneInfo(zone)).strftime("%H:%M") if at else ""


def clock_seconds(at: datetime, zone: str) -> str:
    """07:42:03 on the wall in `zone`."""
    return at.astimezone(ZoneInfo(zone)).strftime("%H:%M:%S")


def long_date(day: date) -> str:
    """11月23日 星期一, in the reader's language."""
    return date_format(day, _("l, j F"))


def staff_date(day: date) -> str:
    """民國115年11月23日 星期一 in Chinese; with the western year elsewhere."""
    if translation.get_language() == "zh-hant":
        return f"{roc_date(day)} {date_format(day, 'l')}"
    return date_format(day, "l, j F Y")


def staff_month(month: date) -> str:
    """民國115年11月 in Chinese; with the western year elsewhere."""
    if translation.get_language() == "zh-hant":
        return f"民國{roc_year(month)}年{month.month}月"
    return date_format(month, _("F Y"))


def term(span: Span) -> str:
    """115學年度第1學期 in Chinese; elsewhere by the years it lies in."""
    if translation.get_language() == "zh-hant":
        return term_name(span.year, span.number)
    western = span.year + ROC_OFFSET
    return _("Term {number}, {years}").format(number=span.number, years=f"{western}/{western + 1}")


def weekday(day: date) -> str:
    """一, or Mon."""
    return str(_WEEKDAYS[day.weekday()])


def slashed(day: date) -> str:
    """2026/11/23, for lists; 23/11/2026 for who reads a language that writes it so."""
    return day.strftime("%d/%m/%Y" if translation.get_language() in DAY_FIRST else "%Y/%m/%d")


def sentences(*said: str) -> str:
    """One after the other; Chinese puts no space between sentences."""
    gap = "" if translation.get_language() == "zh-hant" else " "
    return gap.join(one for one in said if one)


def listed(names: Iterable[str]) -> str:
    """南門、北門, as the reader's language separates them."""
    return pgettext("between names", ", ").join(names)


def duration(seconds: float) -> str:
    """About how long, in the largest unit that says it: 41 minutes."""
    if seconds < 60:
        count = max(0, int(seconds))
        return ngettext("{n} second", "{n} seconds", count).format(n=count)
    if seconds < 7200:
        count = int(seconds // 60)
        return ngettext("{n} minute", "{n} minutes", count).format(n=count)
    if seconds < 172_800:
        count = int(seconds // 3600)
        return ngettext("{n} hour", "{n} hours", count).format(n=count)
    count = int(seconds // 86_400)
    return ngettext("{n} day", "{n} days", count).format(n=count)


def day_line(line: DayLine, *, now: datetime, zone: str, told: str = "") -> dict[str, Any]:
    """A day line as the component draws it. `told` is what was sent about it, in a sentence."""
    state = _LINE_STATES.get(line.state, line.state)
    drawn = {"state": state, "word": line.word, "time": "", "as_of": "", "source": "", "why": told}
    if line.state in _NOTHING_YET:
        return drawn | {"as_of": clock(now, zone), "why": line.why}
    if line.state == "not_arrived":
        return drawn | {"as_of": clock(line.at, zone), "why": sentences(line.why, told)}
    source = line.why
    if line.state == "left" and line.arrived_at:
        source = sentences(source, _("Arrived at {time}.").format(time=clock(line.arrived_at, zone)))
    return drawn | {"time": clock(line.at, zone), "source": source}


# What was known then. Never in words that could be read as now.
_THEN: dict[str, Promise] = {
    "arrived": gettext_lazy("Had arrived at {time}"),
    "present": gettext_lazy("Had been seen at school at {time}"),
    "left": gettext_lazy("Had left school at {time}"),
    "waiting": gettext_lazy("Had not been seen yet"),
    "held": gettext_lazy("Had not been seen yet"),
    "not_arrived": gettext_lazy("Had not been seen by {time}"),
    "unseen": gettext_lazy("There was no record of the day"),
    "leave": gettext_lazy("Was on leave"),
    "no_school": gettext_lazy("There was no school that day"),
}


def then(line: DayLine, zone: str) -> str:
    """A day line in the past tense, for a page that is read later."""
    return str(_THEN[line.state]).format(time=clock(line.at, zone))


def week_strip(days: Sequence[WeekDay], zone: str, *, today: date, urls: Sequence[str] = ()) -> dict[str, Any]:
    """Seven days as the component draws them; `urls` are the pages of the days, in their order."""
    drawn = []
    for place, day in enumerate(days):
        seen = day.arrived_at or day.left_at
        word = _("Leave") if day.on_leave and not seen else ""
        if not day.is_school and not seen:
            word = day.note or _("Off")
        drawn.append(
            {
                "weekday": weekday(day.date),
                "day": day.date.day,
                "today": day.date == today,
                "off": not day.is_school,
                "word": word,
                "arrived": clock(day.arrived_at, zone),
                "left": clock(day.left_at, zone),
                "url": urls[place] if urls else "",
            }
        )
    period = f"{days[0].date:%m/%d}–{days[-1].date:%m/%d}" if days else ""
    return {"period": period, "days": drawn}


def delivery(told: Told, zone: str) -> dict[str, Any]:
    """One delivery as the timeline draws it, in honest words."""
    is_over = told.state in ("failed", "dropped")
    reason = CHANNEL_REASONS.get((told.channel, told.because), DELIVERY_REASONS.get(told.because, ""))
    word = DELIVERY_STATES[told.state]
    return {
        "channel": CHANNELS.get(told.channel, told.channel),
        "address": told.masked,
        "state": told.state,
        "word": SENT.get(told.channel, word) if told.state == "sent" else word,
        "time": clock_seconds(told.settled_at or told.posted_at, zone),
        "why": sentences(_step(told.step), str(reason) if is_over else ""),
    }


def _step(step: Step | None) -> str:
    """Why a safety message was tried here as well."""
    if step is None:
        return ""
    if step.because == Rung.Why.FAILED:
        if step.to_another:
            return _("What was sent before did not arrive, so also to the next guardian.")
        return _("What was sent before did not arrive, so also here.")
    if step.because == Rung.Why.UNADDRESSED:
        if step.to_another:
            return _("The address that was chosen is switched off, so to the next guardian.")
        return _("The address that was chosen is switched off, so here.")
    said = _("No receipt after {duration}, so also here.")
    if step.to_another:
        said = _("No receipt after {duration}, so also to the next guardian.")
    return said.format(duration=duration(60 * max(1, step.minutes)))


def climbed(one: Climbed, zone: str, *, reader: UUID | None = None) -> str:
    """Whether somebody gave a sign, in a sentence. A guardian (`reader`) hears of what is the own, and that others were
    told: not where, nor who looked at what. The school (no reader) hears all.
    """
    own = reader is None or one.proven_by == reader
    said = []
    if reader is not None:
        others = [step.made_at for step in one.steps if step.to_another and step.account_id != reader]
        said += [_("Another guardian was also told, {time}.").format(time=clock(at, zone)) for at in others]
    if own and one.ended_because == Climb.End.SEEN:
        seen = _("A guardian looked at it here, {time}.") if reader is None else _("You looked at it here, {time}.")
        said.append(seen.format(time=clock(one.ended_at, zone)))
    if own and one.ended_because == Climb.End.DELIVERED:
        said.append(_("A receipt came, {time}.").format(time=clock(one.ended_at, zone)))
    if one.ended_because == Climb.End.CALLED:
        said.append(_("The school reached a guardian by telephone, {time}.").format(time=clock(one.ended_at, zone)))
    if reader is None and one.nobody_since:
        no_way = _("Every way was tried by {time}, and nobody confirmed it. Please telephone.")
        said.append(no_way.format(time=clock(one.nobody_since, zone)))
    return sentences(*said)


def topic_title(code: str) -> str:
    """The name of a topic; its code where nobody knows it any more."""
    try:
        return str(topics.get(code).title)
    except KeyError:
        return code


def place(role: Role | Invitation) -> str:
    """Where a role is held: 雙園國小 2年01班, 雙園國小; nothing for the city's."""
    parts = (
        role.school.short_name if role.school else "",
        role.school_class.name if role.school_class else "",
    )
    return " ".join(part for part in parts if part)


def offer(invitation: Invitation) -> dict[str, str]:
    """What somebody is invited to, and by whom."""
    by = invitation.invited_by.get_full_name() if invitation.invited_by else _("Gatepost")
    return {
        "text": " ".join(part for part in (place(invitation), str(ROLES[invitation.role])) if part),
        "note": _("invited by {name}").format(name=by),
    }


def wait_text(often: TooOften) -> str:
    """How long to wait, in words."""
    if often.minutes < 60:
        return ngettext(
            "Too many attempts. Wait {n} minute, then try again.",
            "Too many attempts. Wait {n} minutes, then try again.",
            often.minutes,
        ).format(n=often.minutes)
    hours = -(-often.minutes // 60)
    return ngettext(
        "Too many attempts. Wait {n} hour, then try again.",
        "Too many attempts. Wait {n} hours, then try again.",
        hours,
    ).format(n=hours)
