"""Taps as intake leaves them, without the way through HTTP."""

from datetime import datetime
from uuid import UUID, uuid4

from gatepost.attendance import arrivals
from gatepost.gates.models import Reader, Tap, TapQueue


def tapped(
    reader: Reader, uid: str, when: datetime, *, direction: str | None = None, nonce: UUID | None = None
) -> TapQueue:
    """A tap of the card `uid` at `when`, kept and queued."""
    nonce = nonce or uuid4()
    Tap.objects.create(
        month=when.date().replace(day=1),
        school_id=reader.school_id,
        reader_id=reader.pk,
        nonce=nonce,
        card=uid,
        uid=uid,
        read_at=when,
        tapped_at=when,
        received_at=when,
        skew_ms=0,
        direction=direction,
    )
    return TapQueue.objects.create(
        shard=reader.school_id % TapQueue.SHARDS,
        school_id=reader.school_id,
        reader_id=reader.pk,
        nonce=nonce,
        uid=uid,
        tapped_at=when,
        received_at=when,
        direction=direction,
    )


def follow_all(now: datetime) -> int:
    """Follow everything that is queued. Returns how many taps that were."""
    done = 0
    for _ in range(100):
        followed = arrivals.follow_taps(now=now)
        if not followed:
            return done
        done += followed
    raise AssertionError("the queue does not drain")
