"""What the ladder did, as people read it; see `ladder`."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby, pairwise
from uuid import UUID

from django.db.models import Q, QuerySet

from gatepost.notify.models import Climb, Delivery, Notice, Rung

SHOWN_MOST = 500


@dataclass(frozen=True, slots=True)
class Step:
    """Why a further way was tried: `because` as `Rung.Why`, after so many `minutes` without a sign."""

    notice_id: int
    delivery_id: int
    account_id: UUID
    to_another: bool
    because: str
    made_at: datetime
    minutes: int


@dataclass(frozen=True, slots=True)
class Climbed:
    """What became of a safety notice: `ended_because` as `Climb.End`, empty while it waits for a sign.

    `channels` are those by which it was handed over, in order.
    """

    about: UUID
    topic: str
    posted_at: datetime
    ended_because: str
    ended_at: datetime | None
    proven_by: UUID | None
    exhausted_at: datetime | None
    steps: tuple[Step, ...]
    channels: tuple[str, ...]

    @property
    def nobody_since(self) -> datetime | None:
        """Since when there has been no other way, without a sign; None while there is one, or no need."""
        if self.ended_because == Climb.End.OVER:
            return self.exhausted_at or self.ended_at
        return None if self.ended_because else self.exhausted_at


def climbs_about(about: UUID, on_date: date) -> list[Climbed]:
    """The safety notices about `about` on a day."""
    return _climbed(Climb.objects.filter(about=about, on_date=on_date))


def unconfirmed(abouts: Collection[UUID], on_date: date) -> list[Climbed]:
    """Those of a day for which a person should telephone: every way was used, or its time is over. Oldest first."""
    return _climbed(without_a_sign(abouts, on_date))


def telephoned(abouts: Collection[UUID], on_date: date) -> list[Climbed]:
    """Those of a day of which a person at school has said so. Oldest first."""
    return _climbed(Climb.objects.filter(ended_because=Climb.End.CALLED, about__in=abouts, on_date=on_date))


def without_a_sign(abouts: Collection[UUID], on_date: date) -> QuerySet[Climb]:
    """The rows behind `unconfirmed`."""
    no_way = Q(ended_at=None, exhausted_at__isnull=False) | Q(ended_because=Climb.End.OVER)
    return Climb.objects.filter(no_way, about__in=abouts, on_date=on_date)


def steps_of(notices: Collection[Notice]) -> list[Step]:
    """The rungs of these notices."""
    posted = {one.pk: one.posted_at for one in notices}
    rows = Rung.objects.filter(notice_id__in=list(posted), on_date__in={one.on_date for one in notices})
    found = []
    for notice_id, rungs in groupby(rows.order_by("notice_id", "number"), lambda row: row.notice_id):
        tried = list(rungs)
        moments = [posted[notice_id], *(row.made_at for row in tried)]
        for row, (before, made_at) in zip(tried, pairwise(moments), strict=True):
            minutes = round((made_at - before).total_seconds() / 60)
            found.append(
                Step(notice_id, row.delivery_id, row.account_id, row.to_another, row.because, made_at, minutes)
            )
    return found


def _climbed(climbs: QuerySet[Climb]) -> list[Climbed]:
    rows = list(climbs.order_by("notice_id")[:SHOWN_MOST])
    if not rows:
        return []
    days, ids = {row.on_date for row in rows}, [row.notice_id for row in rows]
    notices = {one.pk: one for one in Notice.objects.filter(on_date__in=days, pk__in=ids)}
    steps: dict[int, list[Step]] = defaultdict(list)
    channels: dict[int, dict[str, None]] = defaultdict(dict)
    for step in steps_of(notices.values()):
        steps[step.notice_id].append(step)
    gone = Delivery.objects.filter(on_date__in=days, notice_id__in=ids, state__in=["sent", "delivered"])
    for notice_id, channel in gone.order_by("pk").values_list("notice_id", "channel"):
        channels[notice_id][channel] = None
    return [
        Climbed(
            about=row.about,
            topic=notices[row.notice_id].topic,
            posted_at=notices[row.notice_id].posted_at,
            ended_because=row.ended_because,
            ended_at=row.ended_at,
            proven_by=row.proven_by,
            exhausted_at=row.exhausted_at,
            steps=tuple(steps[row.notice_id]),
            channels=tuple(channels[row.notice_id]),
        )
        for row in rows
    ]
