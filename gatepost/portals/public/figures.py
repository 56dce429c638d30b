"""The figures of `/metrics`, asked of the tables: any process answers for all, however many there are.

Counters come from `watch.tally`; what is so now (queues, readers, held alarms) is counted at each look, with a bound on
every question, so that a look costs the same on a quiet day and in the middle of a city's morning. No figure and no
label is about a person. What each means stands in `docs/watching.md`.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from django.db import DatabaseError, connection, transaction
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from gatepost.attendance import queries as attendance
from gatepost.attendance.arrivals import FOLLOWED
from gatepost.attendance.daylines import SILENT_AFTER
from gatepost.gates import queries as gates
from gatepost.gates.lines import SKEW_THAT_MATTERS
from gatepost.notify import queries as notify
from gatepost.notify.ladder import MADE
from gatepost.notify.models import Channel
from gatepost.notify.sender import RETRIED, SETTLED, TAP_TO_HANDOVER
from gatepost.portals.public.health import migrations_missing
from gatepost.portals.versions import versions
from gatepost.watch import beats, tally

ANSWER_SECONDS_MAX = 3
READER_STATES = ("speaking", "behind", "silent", "resting")


def as_text(*, now: datetime) -> bytes:
    """All figures in Prometheus' text format, version 0.0.4. Without a database, only that it is down."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(now))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, now: datetime) -> None:
        self.now = now

    def collect(self) -> Iterator[Metric]:
        yield _versions()
        up = GaugeMetricFamily("gatepost_database_up", "Whether the database answered this look.")
        try:
            found = _asked(self.now)
        except DatabaseError:
            found = []
        up.add_metric([], bool(found))
        yield up
        yield from found


def _asked(now: datetime) -> list[Metric]:
    """Everything that is in the tables. Raises `DatabaseError` if they do not answer in time."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{ANSWER_SECONDS_MAX}s'")
        missing = migrations_missing()
        pending = GaugeMetricFamily("gatepost_migrations_missing", "Migrations that the database lacks.", value=missing)
        if missing:
            return [pending]
        looks: Iterable[Callable[[datetime], Iterator[Metric]]] = (_counters, _queues, _readers, _sweeps, _loops)
        return [pending, *(metric for look in looks for metric in look(now))]


def _counters(now: datetime) -> Iterator[Metric]:
    totals = tally.totals()
    for name, figure, about, labels in _COUNTERS:
        family = CounterMetricFamily(f"gatepost_{figure}", about, labels=labels)
        for series, number in sorted(totals.items()):
            if series[0] == name and len(series) == len(labels) + 1:
                family.add_metric(series[1:], number)
        yield family
    yield _histogram(totals)


_COUNTERS = (
    (gates.RECEIVED, "taps_received", "Taps handed in by readers, by what was answered.", ["outcome"]),
    (gates.ASKED, "gate_requests", "Requests to the readers' door, by status of the answer.", ["status"]),
    (FOLLOWED, "taps_followed", "Taps that attendance has followed, by what became of them.", ["outcome"]),
    (SETTLED, "deliveries_settled", "Deliveries that came to an end.", ["channel", "state", "because"]),
    (MADE, "ladder_rungs", "Further ways tried for safety messages without a sign.", ["channel", "because"]),
    (RETRIED, "deliveries_retried", "Attempts that failed and will be repeated.", ["channel"]),
)


def _histogram(totals: dict[tally.Series, int]) -> Metric:
    about = "From a tap's receipt until the channel's server took the message about it."
    family = HistogramMetricFamily("gatepost_tap_to_handover_seconds", about, labels=["channel"])
    for channel in Channel.values:
        buckets, seen = [], 0
        for bound in [*map(str, tally.BOUNDS), "+Inf"]:
            seen += totals.get((TAP_TO_HANDOVER, channel, bound), 0)
            buckets.append((bound, float(seen)))
        summed = totals.get((TAP_TO_HANDOVER, channel, tally.SUM), 0) / 1000
        family.add_metric([channel], buckets=buckets, sum_value=summed)
    return family


def _queues(now: datetime) -> Iterator[Metric]:
    waiting = gates.queued(now=now)
    yield GaugeMetricFamily("gatepost_tap_queue", "Taps to follow, counted up to 10,000.", value=waiting.number)
    about = "How long the oldest of them has waited; 0: none does."
    yield GaugeMetricFamily("gatepost_tap_queue_oldest_seconds", about, value=waiting.oldest_seconds or 0)
    number = GaugeMetricFamily(
        "gatepost_deliveries_due", "Deliveries that are due, counted up to 10,000.", labels=["channel", "state"]
    )
    oldest = GaugeMetricFamily(
        "gatepost_deliveries_due_oldest_seconds", "How long the oldest has been due; 0: none is.", labels=["channel"]
    )
    for channel in Channel.values:
        states = notify.queued_on(channel, now=now)
        for state, due in states.items():
            number.add_metric([channel, state], due.number)
        oldest.add_metric([channel], max(due.oldest_seconds or 0 for due in states.values()))
    yield from (number, oldest)


def _readers(now: datetime) -> Iterator[Metric]:
    skew_ms_max = int(SKEW_THAT_MATTERS.total_seconds() * 1000)
    states = GaugeMetricFamily("gatepost_readers", "Readers of a school by state.", labels=["school", "state"])
    schools = gates.readers(silent_since=now - SILENT_AFTER, skew_ms_max=skew_ms_max)
    for one in schools:
        for state in READER_STATES:
            states.add_metric([one.school_code, state], getattr(one, state))
    yield states
    holding, wrong = sum(one.holding for one in schools), sum(one.clock_wrong for one in schools)
    yield GaugeMetricFamily("gatepost_readers_holding_taps", "Taps that readers still hold.", value=holding)
    yield GaugeMetricFamily("gatepost_readers_clock_wrong", "Readers in use whose clock is off.", value=wrong)


def _sweeps(now: datetime) -> Iterator[Metric]:
    family = GaugeMetricFamily("gatepost_sweeps", "Not-arrived lists of today by state.", labels=["state"])
    for state, number in attendance.sweeps_today(now=now).items():
        family.add_metric([state], number)
    yield family


def _loops(now: datetime) -> Iterator[Metric]:
    age = GaugeMetricFamily("gatepost_loop_age_seconds", "Since a loop last ran, in any worker.", labels=["loop"])
    late = GaugeMetricFamily("gatepost_loop_late", "1: the loop should have run and has not.", labels=["loop"])
    for pulse in beats.pulses(now=now):
        age.add_metric([pulse.loop], pulse.age_seconds)
        late.add_metric([pulse.loop], pulse.late)
    yield from (age, late)


def _versions() -> Metric:
    known = versions()
    family = GaugeMetricFamily("gatepost_build_info", "Which versions run.", labels=[name.lower() for name in known])
    family.add_metric(list(known.values()), 1)
    return family
