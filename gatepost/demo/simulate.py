"""`gatepost simulate`: a school morning, now."""

import os
from collections.abc import Iterator, Sequence

import click
from django.conf import settings
from rich.console import Console
from rich.table import Table

from gatepost.demo import findings, morning, rehearsal
from gatepost.demo.act import Act, Wish
from gatepost.demo.bars import shown
from gatepost.demo.findings import Findings, Spread
from gatepost.demo.morning import Played
from gatepost.demo.morning_plan import Outage
from gatepost.demo.reader_keys import NoDemonstration, require_demonstration
from gatepost.demo.reader_line import DoorClosed
from gatepost.demo.rehearsal import RehearsalRefused
from gatepost.kit.clock import utc_now
from gatepost.roster.models import School

FEW = 5  # schools that fit in a sentence
STEPS = {
    "schools": "Getting the schools ready",
    "taps": "Taps",
    "messages": "Messages, and the question of the cut-off",
}
HELD = {
    "readers": "a reader has not sent all it knows",
    "taps": "taps still wait in our own queue",
    "brake": "more students are missing than usual",
    "calendar": "the calendar knows no school day",
    "restored": "the database was restored from a backup today",
}
MAIL_STATES = {
    "sent": "accepted by the mail server",
    "failed (refused)": "there is no such mailbox",
    "dropped (withdrawn)": "the student came meanwhile",
}


class OnlyHere(click.Group):
    """The commands under `simulate`: refused in one line where there is no demonstration."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; what cannot be done now is one line."""
        try:
            return super().invoke(ctx)
        except (NoDemonstration, RehearsalRefused, DoorClosed) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=OnlyHere)
def simulate() -> None:
    """Play a school morning through the readers' door, in a demonstration."""


@simulate.command("morning")
@click.option("--school", "codes", multiple=True, metavar="CODE", help="A school's code, or all; may be repeated.")
@click.option("--minutes", type=click.FloatRange(0.05, 120), default=1.0, show_default=True, help="How long it takes.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed is another morning.")
@click.option(
    "--offline-reader/--no-offline", default=True, show_default=True, help="One reader loses its network for a while."
)
@click.option("--hold", is_flag=True, help="That reader stays offline, so the alarm is held for a person.")
@click.option(
    "--absent", type=click.IntRange(0), help="How many stay away without a word; many of them trip the brake."
)
@click.option("--keep", is_flag=True, help="Do not take away what happened today before.")
@click.option("--url", help="Where Gatepost answers.  [default: GATEPOST_URL]")
@click.option("--mailbox-url", help="Where the mail catcher answers.  [default: GATEPOST_MAIL_PORT on this machine]")
def play_morning(
    codes: Sequence[str],
    minutes: float,
    seed: int,
    offline_reader: bool,
    hold: bool,
    absent: int | None,
    keep: bool,
    url: str | None,
    mailbox_url: str | None,
) -> None:
    """Play a believable morning, now, whatever the hour: the rush, double taps, forgotten cards, an offline reader.

    Today becomes a school day, and the bell and the cut-off of the schools are set to minutes from now; what happened
    there today is taken away first, so that a second morning on one day tells home again. When the cut-off's question
    is answered the schools have their own rules again; while an alarm is held they wait for `gatepost simulate reset`.
    Afterwards the readers are silent, and after three minutes the pages say so.

    Ends with exit code 1 if anything that Gatepost promises was not kept.

    \b
    Examples:
        gatepost simulate morning
        gatepost simulate morning --school 373602 --minutes 0.5
        gatepost simulate morning --school 373602 --hold
        gatepost simulate morning --school 373602 --absent 60
    """
    require_demonstration()
    outage = Outage.STAYS_OFFLINE if hold else Outage.CATCHES_UP if offline_reader else Outage.NONE
    wish = Wish(minutes=minutes, seed=seed, url=url or settings.SITE_URL, absent=absent, outage=outage, keep=keep)
    schools = _schools(codes)
    click.echo(_announcement(schools, wish))
    with shown(STEPS) as progress:
        played = morning.play(schools, wish, progress=progress)
    found = findings.look(played, mailbox_url=mailbox_url or _mailbox_url())
    Console().print(_table(found, played.acts))
    for line in _what_now(played):
        click.echo(line)
    for sentence in found.broken:
        click.secho(f"Not kept: {sentence}", fg="red", err=True)
    if found.broken:
        raise SystemExit(1)


@simulate.command("reset")
@click.option("--school", "codes", multiple=True, metavar="CODE", help="A school's code, or all; may be repeated.")
def reset(codes: Sequence[str]) -> None:
    """Give schools the bell and the cut-off back that they had before a simulated morning.

    \b
    Example:
        gatepost simulate reset --school 373602
    """
    require_demonstration()
    done = [school.code for school in _schools(codes) if rehearsal.set_back(school, now=utc_now())]
    click.echo(f"Set back: {', '.join(done)}." if done else "Nothing is to be set back.")


def _schools(codes: Sequence[str]) -> list[School]:
    """The schools that were named; all of a small city where none was."""
    everybody = School.objects.filter(opened_at__isnull=False).order_by("code")
    if "all" in codes or (not codes and everybody.count() <= FEW):
        if not everybody:
            raise click.ClickException("There is no school here: build a city first, with `gatepost demo`.")
        return list(everybody)
    if not codes:
        raise click.UsageError(
            f"There are {everybody.count()} schools here: name one with --school, or say --school all."
        )
    found = {school.code: school for school in everybody.filter(code__in=[code.upper() for code in codes])}
    unknown = [code for code in codes if code.upper() not in found]
    if unknown:
        some = ", ".join(f"{school.code} {school.short_name}" for school in everybody[:FEW])
        raise click.UsageError(f"There is no school {unknown[0]} here. There are: {some}.")
    return list(found.values())


def _mailbox_url() -> str:
    port = os.environ.get("GATEPOST_MAIL_PORT", "").strip()
    return f"http://127.0.0.1:{port}" if port else ""


def _announcement(schools: Sequence[School], wish: Wish) -> str:
    names = ", ".join(f"{school.code} {school.short_name}" for school in schools[:FEW])
    more = f" and {len(schools) - FEW} more" if len(schools) > FEW else ""
    forgotten = "" if wish.keep else " What happened there today is taken away."
    return (
        f"A morning of about {wish.minutes:g} min at {names}{more}. "
        f"Today is a school day there, and their bell and cut-off come within this time.{forgotten}"
    )


def _what_now(played: Played) -> Iterator[str]:
    """What the person at the terminal may want to do next."""
    for act in played.acts:
        sweep = act.sweep()
        if act.is_held() and sweep is not None:
            why = HELD.get(sweep.held_because, sweep.held_because)
            page = f"{settings.SITE_URL}/schools/{act.school.code}/today/"
            yield f"The alarm of {act.school.code} is held: {why}. Look at it: {page}"
    held = [act.school.code for act in played.acts if act.is_held()]
    if held and played.settled:
        names = " ".join(f"--school {code}" for code in held)
        yield f"They keep the cut-off of this morning until: gatepost simulate reset {names}"


def _table(found: Findings, acts: Sequence[Act]) -> Table:
    table = Table(title="The morning", title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    for name, number, remark in (
        *_tap_rows(found),
        *_student_rows(found, acts),
        *_mail_rows(found),
        *_time_rows(found),
    ):
        table.add_row(name, number, remark)
    return table


Line = tuple[str, str, str]


def _tap_rows(found: Findings) -> Iterator[Line]:
    late = f"{found.retries} requests had to be repeated" if found.retries else ""
    yield "Taps sent", f"{found.taps_sent:,}", late
    yield "  stored", f"{found.stored:,}", f"{found.repeats} were repeats" if found.repeats else ""
    for reason, many in found.refused.most_common():
        yield f"  of no use: {reason}", f"{many:,}", ""
    if found.taps_unsent:
        yield "Still in the offline reader", f"{found.taps_unsent:,}", ""


def _student_rows(found: Findings, acts: Sequence[Act]) -> Iterator[Line]:
    yield "Students", f"{found.students:,}", f"{len(acts)} schools" if len(acts) > 1 else ""
    yield "  arrived", f"{found.arrived:,}", f"{found.by_hand} entered by hand"
    yield "  on leave", f"{found.on_leave:,}", ""
    came = f"{found.seen_after_all} of them came later" if found.seen_after_all else ""
    yield "  not arrived, home was told", f"{found.told_not_arrived:,}", came
    if found.waiting:
        yield "  not seen, home was not told", f"{found.waiting:,}", "the alarm is held"


def _mail_rows(found: Findings) -> Iterator[Line]:
    yield "Mails", f"{sum(found.mails.values()):,}", ""
    for state, many in found.mails.most_common():
        yield f"  {state}", f"{many:,}", MAIL_STATES.get(state, "")
    if found.caught is not None:
        yield "  in the mail catcher", f"{found.caught:,}", ""


def _time_rows(found: Findings) -> Iterator[Line]:
    for name, spread in (
        ("POST /v1/taps answered", found.post),
        ("Tap → day marked", found.to_marked),
        ("Tap → mail handed over", found.to_mail),
    ):
        if spread is not None:
            yield name, _ms(spread), f"p50 / p95 / p99 of {spread.count:,}"


def _ms(spread: Spread) -> str:
    return " / ".join(f"{seconds * 1000:.0f}" for seconds in (spread.p50, spread.p95, spread.p99)) + " ms"
