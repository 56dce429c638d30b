"""Handing in documents."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import PUBLIC, open_to
from gatepost.guardians.applications import documents
from gatepost.guardians.applications.documents import DocumentRefused
from gatepost.guardians.applications.family import ApplicationRefused
from gatepost.guardians.applications.models import DOCUMENT_BYTES_MAX, Application, Document
from gatepost.portals.binding.family import Family, applying, frame
from gatepost.portals.binding.people import after_people
from gatepost.portals.binding.words import once_more
from gatepost.portals.frame import page
from gatepost.portals.moment import now_of

FAULTS = {
    "kind": gettext_lazy("This is neither a picture (JPEG, PNG, WebP) nor a PDF. Take a photograph of the document."),
    "broken": gettext_lazy("The file cannot be read to its end. Save it anew, or take a photograph of the document."),
    "pixels": gettext_lazy("The picture is too large. Take it with fewer pixels (50 million at most)."),
    "pages": gettext_lazy("A PDF may have ten pages at most. Hand in the pages that matter."),
    "big": gettext_lazy("The file is larger than 8 MB. Take a smaller picture."),
    "many": gettext_lazy("Five documents are the most. Take one away first."),
    "twice": gettext_lazy("This document is there already."),
}


class PaperForm(forms.Form):
    kind = forms.ChoiceField(label=gettext_lazy("What it is"), choices=Document.Kind.choices)
    file = forms.FileField(
        label=gettext_lazy("Picture or PDF"),
        help_text=gettext_lazy("At most 8 MB. It is stored encrypted, and only the school’s reviewers see it."),
        error_messages={
            "required": gettext_lazy("Choose a file."),
            "empty": gettext_lazy("This file is empty. Choose another one."),
            "missing": gettext_lazy("Choose a file."),
        },
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp,application/pdf"}),
    )


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
@applying
def papers(request: HttpRequest, family: Family) -> HttpResponse:
    """The documents handed in so far; one more, or one less."""
    application = family.application
    if application is None or not application.is_with_family:
        return redirect("binding-status")
    adds = request.method == "POST" and "remove" not in request.POST
    form = PaperForm(request.POST if adds else None, request.FILES if adds else None)
    try:
        if request.method == "POST" and not adds:
            documents.remove(application, uuid_of(request.POST["remove"]))
            return redirect("binding-documents")
        if adds and form.is_valid() and added(request, application, form):
            messages.success(request, _("The document is saved."))
            return redirect("binding-documents")
    except ApplicationRefused as refused:
        messages.warning(request, once_more(refused.code))
        return redirect("binding-status")
    return page(
        request,
        "binding/documents.html",
        frame(request, family),
        form=form,
        papers=[row(one) for one in application.documents.defer("sealed_bytes")],
        next_url=after_people(application),
        is_needed=application.needs_document,
    )


def added(request: HttpRequest, application: Application, form: PaperForm) -> bool:
    """Hand the document in; False, with the reason at its field, if it cannot be taken."""
    upload: UploadedFile[bytes] = form.cleaned_data["file"]
    try:
        if (upload.size or 0) > DOCUMENT_BYTES_MAX:
            raise DocumentRefused("big")
        documents.add(
            application, form.cleaned_data["kind"], upload.read(), ring=settings.KEY_RING, now=now_of(request)
        )
    except DocumentRefused as refused:
        form.add_error("file", str(FAULTS.get(refused.code, FAULTS["broken"])))
        return False
    return True


def row(document: Document) -> dict[str, Any]:
    """A document in the list."""
    form = "PDF" if document.form == Document.Form.PDF else _("picture")
    return {"id": document.pk, "text": document.get_kind_display(), "note": f"{form}, {filesizeformat(document.size)}"}


def uuid_of(text: str) -> UUID | None:
    """The document that is meant, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None
