"""The key a reader shows. It is random, shown once, and kept only as a digest."""

import hashlib
import secrets
from datetime import datetime

from django.db import transaction

from gatepost.audit import entries
from gatepost.gates.models import Gate, Reader, ReaderHealth

_MARK = "gpr_"  # lets a scanner of leaked secrets recognise one


def new_key() -> str:
    """A fresh key: 256 random bits, so a plain fast digest is as good as a slow one."""
    return _MARK + secrets.token_urlsafe(32)


def digest(key: str | bytes) -> bytes:
    """What is kept of a key, and what it is looked up by.

    The look-up compares digests, not keys. A clock could tell at most how far the digest of a guess agrees with one of
    ours, and nobody can choose a key for its digest: the next guess is as blind as the first, among 2^256.
    """
    return hashlib.sha256(key if isinstance(key, bytes) else key.encode("utf-8", "surrogateescape")).digest()


def enrol(
    gate: Gate, name: str, *, card_rule: dict[str, object] | None = None, by: object | None, now: datetime
) -> tuple[Reader, str]:
    """A new reader at `gate`, and its key, which nobody will see again."""
    key = new_key()
    with transaction.atomic():
        reader = Reader.objects.create(
            school_id=gate.school_id, gate=gate, name=name, key_digest=digest(key), card_rule=card_rule or {}
        )
        # A reader that never spoke is not "fine": it is silent since the day it was put up.
        ReaderHealth.objects.create(reader=reader, heard_at=now, sent_at=now, queue=0, skew_ms=0)
        entries.record("reader:enrolled", by=by, school_code=gate.school.code, reader=str(reader.pk))
    return reader, key


def renew(reader: Reader, *, by: object | None) -> str:
    """A new key for `reader`; the old one opens nothing any more."""
    key = new_key()
    with transaction.atomic():
        reader.key_digest = digest(key)
        reader.save(update_fields=["key_digest"])
        entries.record("reader:renewed", by=by, school_code=reader.school.code, reader=str(reader.pk))
    return key


def revoke(reader: Reader, *, by: object | None, now: datetime) -> None:
    """Close the reader's key for good, in every process within `readerbook.REFRESH_SECONDS`."""
    with transaction.atomic():
        Reader.objects.filter(pk=reader.pk, revoked_at=None).update(revoked_at=now)
        entries.record("reader:revoked", by=by, school_code=reader.school.code, reader=str(reader.pk))
    reader.refresh_from_db(fields=["revoked_at"])


def rest(reader: Reader, *, by: object | None, now: datetime) -> None:
    """Take `reader` out of use (repair, holidays): until it returns its silence means nothing."""
    with transaction.atomic():
        if Reader.objects.filter(pk=reader.pk, rested_at=None, revoked_at=None).update(rested_at=now):
            entries.record("reader:rested", by=by, school_code=reader.school.code, reader=str(reader.pk))
    reader.refresh_from_db(fields=["rested_at"])


def return_to_use(reader: Reader, *, by: object | None) -> None:
    """`reader` counts again: from now on its silence holds messages."""
    with transaction.atomic():
        if Reader.objects.filter(pk=reader.pk, rested_at__isnull=False, revoked_at=None).update(rested_at=None):
            entries.record("reader:returned", by=by, school_code=reader.school.code, reader=str(reader.pk))
    reader.refresh_from_db(fields=["rested_at"])
