"""A copy of what is kept about an account: asked for, made piece by piece by the worker, fetched within a day.

It holds children only as their guardian may see them, asked again with each piece and each time it is opened: from the
moment of a restriction a copy with that child opens for nobody, whenever it was made.
"""

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from gatepost.accounts import attempts
from gatepost.accounts.activation import send_word
from gatepost.accounts.models import Account, ActivationMail
from gatepost.audit import entries
from gatepost.guardians.models import Right
from gatepost.kit.sealed import KeyRing
from gatepost.personal import paper
from gatepost.personal.children import OF_CHILD, ChildSection
from gatepost.personal.models import Copy, Piece
from gatepost.personal.sections import OF_ACCOUNT, Row, Section, Whose, plain, visible
from gatepost.roster.models import Student

log = logging.getLogger(__name__)

FORMAT, VERSION = "gatepost-own-data", 1
GOOD_FOR = timedelta(hours=24)
EVERY = timedelta(days=1)
TRIES_MOST = 5
FORMS = {"json": "json_sealed", "pdf": "pdf_sealed"}


class CopyRefused(Exception):
    """`code`: none (nothing to fetch), late (its time is over), changed (a child in it is not one's to see now)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def ask(account: Account, *, now: datetime) -> Copy:
    """Have a copy made, in place of the last one. Raises `attempts.TooOften`: one a day."""
    attempts.take("own-data", str(account.pk), most=1, within=EVERY, now=now)
    seen, told = sorted(visible(account)), sorted(visible(account, Right.TOLD))
    with transaction.atomic():
        Copy.objects.filter(account=account).delete()
        made = Copy(account=account, language=account.language, asked_at=now, seen=seen, told=told)
        made.pieces = len(_plan(made))
        made.save(force_insert=True)
        entries.record("copy:asked", by=account, copy=str(made.pk))
    return made


def of(account: Account, *, now: datetime) -> Copy | None:
    """The copy that is being made, or can be fetched, or just failed; without its files."""
    found = Copy.objects.filter(account=account).defer("json_sealed", "pdf_sealed").first()
    return None if found is None or (found.until and found.until <= now) else found


def stands(copy: Copy) -> bool:
    """Whether every child in it may still be seen, and told of, by whom it was made for."""
    seen, told = visible(copy.account), visible(copy.account, Right.TOLD)
    return set(copy.seen) <= set(seen) and set(copy.told) <= set(told)


def opened(account: Account, form: str, *, ring: KeyRing, now: datetime) -> bytes:
    """The bytes of one's own copy as `json` or `pdf`. Raises `CopyRefused`; one that does not stand is deleted."""
    copy = Copy.objects.filter(account=account).exclude(made_at=None).first()
    if copy is None:
        raise CopyRefused("none")
    if copy.until is None or copy.until <= now:
        raise CopyRefused("late")
    if not stands(copy):
        copy.delete()
        raise CopyRefused("changed")
    entries.record("copy:fetched", by=account, copy=str(copy.pk), form=form)
    return ring.open_bytes(getattr(copy, FORMS[form]), place=copy.place(FORMS[form]))


def follow(now: datetime) -> int:
    """Make one piece of the copy that has waited longest, and put away what is over. Returns how much was done."""
    return _make_next(now) + forget(now=now)


def forget(*, now: datetime) -> int:
    """Delete copies that nobody can fetch any more."""
    gone, _by_table = Copy.objects.filter(until__lte=now).delete()
    lost, _by_table = Copy.objects.filter(made_at=None, asked_at__lte=now - 2 * GOOD_FOR).delete()
    return gone + lost


def _make_next(now: datetime) -> int:
    with transaction.atomic():
        waiting = Copy.objects.filter(made_at=None, failed_at=None).order_by("asked_at")
        copy = waiting.select_for_update(skip_locked=True, of=["self"]).select_related("account").first()
        if copy is None:
            return 0
        try:
            with transaction.atomic():
                _make_piece(copy, now)
        except Exception:
            log.exception("copy not made copy=%s piece=%d", copy.pk, copy.pieces_done)
            copy.tries += 1
            copy.failed_at = now if copy.tries >= TRIES_MOST else None
            copy.save(update_fields=["tries", "failed_at"])
    return 1


def _make_piece(copy: Copy, now: datetime) -> None:
    plan = _plan(copy)
    if copy.pieces_done < len(plan):
        section, student_id = plan[copy.pieces_done]
        rows = _rows(copy, section, student_id, now)
        piece = Piece(copy=copy, number=copy.pieces_done)
        text = json.dumps(rows, default=plain, ensure_ascii=False).encode()
        piece.sealed_rows = settings.KEY_RING.seal_bytes(text, place=piece.place)
        piece.save(force_insert=True)
        copy.pieces_done, copy.tries = copy.pieces_done + 1, 0
        copy.save(update_fields=["pieces_done", "tries"])
    if copy.pieces_done == len(plan):
        _finish(copy, plan, now)


Planned = tuple[Section | ChildSection, Any]


def _plan(copy: Copy) -> list[Planned]:
    """Every piece: the account's sections, then each child's."""
    mine: list[Planned] = [(section, None) for section in OF_ACCOUNT]
    return mine + [(section, student_id) for student_id in copy.seen for section in OF_CHILD]


def _rows(copy: Copy, section: Section | ChildSection, student_id: Any, now: datetime) -> list[Row]:
    seen = visible(copy.account)
    if isinstance(section, Section):
        return section.rows(Whose(copy.account, seen, now))
    if student_id not in seen or (section.needs_told and student_id not in copy.told):
        return []
    student = Student.objects.select_related("school", "school_class").get(pk=student_id)
    return section.rows(copy.account, student, now)


def _finish(copy: Copy, plan: Sequence[Planned], now: datetime) -> None:
    ring = settings.KEY_RING
    rows = [
        json.loads(ring.open_bytes(piece.sealed_rows, place=piece.place)) for piece in copy.parts.order_by("number")
    ]
    whole = _whole(copy, plan, rows, now)
    text = json.dumps(whole, ensure_ascii=False, indent=1).encode()
    sheets = [(section, found) for (section, _student), found in zip(plan, rows, strict=True)]
    pdf = paper.typeset(sheets, language=copy.language, made_at=now)
    copy.json_sealed = ring.seal_bytes(text, place=copy.place("json_sealed"))
    copy.pdf_sealed = ring.seal_bytes(pdf, place=copy.place("pdf_sealed"))
    copy.made_at, copy.until = now, now + GOOD_FOR
    copy.save(update_fields=["json_sealed", "pdf_sealed", "made_at", "until"])
    copy.parts.all().delete()
    entries.record("copy:made", by=None, copy=str(copy.pk))
    send_word(copy.account, ActivationMail.Kind.COPY_MADE, now=now)


def _whole(copy: Copy, plan: Sequence[Planned], rows: Sequence[list[Row]], now: datetime) -> dict[str, Any]:
    """The document: a list of rows for each section, and the same for each child."""
    whole: dict[str, Any] = {"format": FORMAT, "version": VERSION, "made_at": plain(now), "children": []}
    children: dict[Any, dict[str, Any]] = {student_id: {} for student_id in copy.seen}
    for (section, student_id), found in zip(plan, rows, strict=True):
        (whole if student_id is None else children[student_id])[section.name] = found
    whole["children"] = [sections for sections in children.values() if sections.get("child")]
    return whole
