"""Papers handed in with an application: made anew, sealed, and opened only for who reviews it."""

import hashlib
import subprocess
import sys
from datetime import datetime
from uuid import UUID

from django.db import transaction

from gatepost.guardians.applications.family import ApplicationRefused
from gatepost.guardians.applications.models import DOCUMENTS_MOST, Application, Document
from gatepost.guardians.applications.remaking import BYTES_MAX
from gatepost.kit.sealed import KeyRing

SECONDS_MAX = 30


class DocumentRefused(Exception):
    """The document cannot be taken. `code`: kind (no picture, no PDF), broken, pixels, pages, big, many, twice."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def add(application: Application, kind: str, data: bytes, *, ring: KeyRing, now: datetime) -> Document:
    """Make the document anew and keep it sealed. Raises `DocumentRefused`, or `ApplicationRefused("elsewhere")`."""
    if len(data) > BYTES_MAX:
        raise DocumentRefused("big")
    form, made = _made_anew(data)
    document = Document(
        application=application,
        kind=kind,
        form=form,
        size=len(made),
        sha256=hashlib.sha256(made).digest(),
        added_at=now,
    )
    document.sealed_bytes = ring.seal_bytes(made, place=document.place)
    with transaction.atomic():
        row = Application.objects.select_for_update(no_key=True).get(pk=application.pk)
        if not row.is_with_family:
            raise ApplicationRefused("elsewhere")
        if row.documents.filter(sha256=document.sha256).exists():
            raise DocumentRefused("twice")
        if row.documents.count() >= DOCUMENTS_MOST:
            raise DocumentRefused("many")
        document.save()
    return document


def remove(application: Application, document_id: UUID | None) -> bool:
    """Take a document away while the application is with the family. Returns whether it was there."""
    with transaction.atomic():
        row = Application.objects.select_for_update(no_key=True).get(pk=application.pk)
        if not row.is_with_family:
            raise ApplicationRefused("elsewhere")
        gone, _ = row.documents.filter(pk=document_id or UUID(int=0)).delete()
    return bool(gone)


def opened(document: Document, ring: KeyRing) -> bytes:
    """Its bytes. Raises `sealed.SealError` if they were tampered with."""
    return ring.open_bytes(document.sealed_bytes, place=document.place)


def _made_anew(data: bytes) -> tuple[str, bytes]:
    command = [sys.executable, "-m", "gatepost.guardians.applications.remaking"]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired as error:
        raise DocumentRefused("pixels") from error
    if done.returncode == 3:
        raise DocumentRefused(done.stdout.decode())
    if done.returncode:  # the decoder died: its memory or time ran out, or worse
        raise DocumentRefused("broken")
    form, _newline, made = done.stdout.partition(b"\n")
    return form.decode(), made
