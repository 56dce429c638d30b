"""Class notices as a family reads and signs them, each for one child and each guardian for themselves."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from gatepost.access.doors import GUARDIAN, open_to
from gatepost.circulars import queries as circulars
from gatepost.circulars import receipts
from gatepost.circulars.models import Addressee, Circular, Receipt
from gatepost.kit.clock import local_date
from gatepost.portals import words
from gatepost.portals.forms import text_field
from gatepost.portals.frame import child_detail, family_frame, page, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.paging import pager
from gatepost.portals.plain_text import paragraphs

A_PAGE = 20
CURRENT_MOST = 100


class ReceiptForm(forms.Form):
    """A few words with the signature, if one likes."""

    reply = text_field(gettext_lazy("A short reply to the teacher"), required=False, longest=200)


@open_to(GUARDIAN)
@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """What is current, unread first, and the earlier ones a page at a time."""
    now, account = now_of(request), signed_in(request)
    every = circulars.to_family(account, Circular.Kind.NOTICE)
    current = circulars.current(every, localdate(now))
    earlier = every.exclude(pk__in=current.order_by().values("pk"))
    shown = Paginator(earlier, A_PAGE).get_page(request.GET.get("page"))
    rows, past = list(current[:CURRENT_MOST]), list(shown.object_list)
    known = circulars.receipts_of(account, [*rows, *past])
    return page(
        request,
        "guardian/notices.html",
        family_frame(request, current="notices"),
        notices=_rows(rows, known) if shown.number == 1 else [],
        earlier=_rows(past, known, past=True),
        is_first=shown.number == 1,
        pager=pager(request, shown),
    )


@open_to(GUARDIAN)
@require_safe
def notice(request: HttpRequest, addressee_id: int) -> HttpResponse:
    """One class notice, for one child. Opening it is noted as having read it."""
    one = _found(request, addressee_id)
    receipt = None
    if request.method == "GET":
        receipt = receipts.note_read(one, signed_in(request), now=now_of(request))
    return _show(request, one, receipt, ReceiptForm())


@open_to(GUARDIAN)
@require_POST
def sign(request: HttpRequest, addressee_id: int) -> HttpResponse:
    """Sign for the child. Signing again changes nothing."""
    one = _found(request, addressee_id)
    if not one.circular.asks_receipt or not circulars.may_sign(request.user, one):
        raise Http404("nothing to sign for you")
    form = ReceiptForm(request.POST)
    if not form.is_valid():
        return _show(request, one, None, form)
    first = receipts.sign(one, signed_in(request), reply=form.cleaned_data["reply"], now=now_of(request))
    messages.success(request, _("Signed. The school sees it.") if first else _("You have signed it already."))
    return redirect("family-notice", one.pk)


def _found(request: HttpRequest, addressee_id: int) -> Addressee:
    one = circulars.to_family(request.user, Circular.Kind.NOTICE).filter(pk=addressee_id).first()
    if one is None:
        raise Http404("no such notice for you")
    return one


def _show(request: HttpRequest, one: Addressee, receipt: Receipt | None, form: ReceiptForm) -> HttpResponse:
    circular, zone = one.circular, one.circular.school.timezone
    signed_at = receipt.signed_at if receipt else None
    may_sign = circular.asks_receipt and circulars.may_sign(request.user, one)
    signed = ""
    if signed_at:
        day = words.long_date(local_date(signed_at, zone))
        signed = _("You signed on {day} at {time}.").format(day=day, time=words.clock(signed_at, zone))
    return page(
        request,
        "guardian/notice.html",
        family_frame(request, current="notices", child=one.student),
        title=circular.title,
        meta=_meta(one),
        html=paragraphs(circular.body),
        signed=signed,
        reply=receipt.reply if receipt else "",
        sign_url=reverse("family-notice-receipt", args=[one.pk]),
        form=form if may_sign and not signed_at else None,
        may_not_sign=circular.asks_receipt and not may_sign,
        crumbs=[{"label": _("Class notices"), "url": reverse("family-notices")}],
    )


def _meta(one: Addressee) -> list[str]:
    circular = one.circular
    assert circular.until is not None  # noqa: S101 - a notice has one
    by = f"{circular.school.short_name} {words.ROLES[circular.office]} {circular.by.get_full_name()}"
    meta = [by, words.slashed(circular.on_date)]
    if circular.stopped_at:
        meta.append(_("Ended by the school"))
    else:
        meta.append(_("until {day}").format(day=words.long_date(circular.until)))
    if circular.wording > 1:
        meta.append(_("Corrected"))
    return meta


def _rows(found: Sequence[Addressee], known: dict[int, Receipt], *, past: bool = False) -> list[dict[str, Any]]:
    rows = [_row(one, known.get(one.pk), past=past) for one in found]
    return rows if past else sorted(rows, key=lambda row: not row["tag"])  # what is to be done first, else as it was


def _row(one: Addressee, receipt: Receipt | None, *, past: bool) -> dict[str, Any]:
    circular = one.circular
    return {
        "text": circular.title,
        "note": f"{one.student.name} · {child_detail(one.student)}",
        "time": f"{circular.on_date:%m/%d}",
        "tag": "" if past else _tag(circular, receipt),
        "url": reverse("family-notice", args=[one.pk]),
    }


def _tag(circular: Circular, receipt: Receipt | None) -> str:
    if circular.asks_receipt and not (receipt and receipt.signed_at):
        return _("Please sign")
    return "" if receipt else _("Unread")
