from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.attendance.board import ReaderState, reader_states
from gatepost.cards.numbers import CARD_RULES, CardRule, typed
from gatepost.gates import keys
from gatepost.gates.models import Gate, Reader
from gatepost.portals import words
from gatepost.portals.forms import text_field
from gatepost.portals.frame import MANAGES, page, school_frame
from gatepost.portals.moment import now_of
from gatepost.portals.school import boards
from gatepost.roster.models import School

# Cards that show how a reader prints: one of four bytes, one of seven for the forms that need them.
_SAMPLES = ("2A83155E", "04C43BC21C2680")


def _rule_choices() -> list[tuple[str, str]]:
    choices = []
    for place, rule in enumerate(CARD_RULES):
        sample = _SAMPLES[1] if rule.width == 7 else _SAMPLES[0]
        choices.append((str(place), f"{sample} → {typed(sample, rule)}"))
    return choices


class ReaderForm(forms.Form):
    """Where it hangs, what it is called, how it prints a card's number."""

    gate = text_field(
        gettext_lazy("Gate"),
        longest=40,
        help_text=gettext_lazy("A gate that is there already, or a new one: South gate."),
    )
    name = text_field(gettext_lazy("Name"), longest=40, help_text=gettext_lazy("What stands on it: No. 2."))
    card_rule = forms.ChoiceField(
        label=gettext_lazy("Card numbers"),
        choices=_rule_choices,
        help_text=gettext_lazy("How this reader prints the card on the left. If you do not know: the first one."),
    )

    def clean_card_rule(self) -> CardRule:
        return CARD_RULES[int(self.cleaned_data["card_rule"])]


@open_to(*MANAGES)
@require_safe
def readers(request: HttpRequest, code: str) -> HttpResponse:
    """All readers that are not revoked, and how they are."""
    school, now = queries.school(request.user, code, *MANAGES), now_of(request)
    return page(
        request,
        "school/readers.html",
        school_frame(request, school, current="readers"),
        meta=[_("as of {time}").format(time=words.clock_seconds(now, school.timezone))],
        readers=boards.readers(reader_states(school, now=now), school, now=now, linked=True),
        new_url=reverse("school-reader-new", args=[code]),
    )


@open_to(*MANAGES)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, code: str) -> HttpResponse:
    """Enrol a reader. Its key is shown in the answer, and never again."""
    school = queries.school(request.user, code, *MANAGES)
    form = ReaderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            reader, key = _enrol(request, school, form.cleaned_data)
        except IntegrityError:
            form.add_error("name", ValidationError(_("This gate has a reader of this name. Choose another name.")))
        else:
            return _show_key(request, school, reader, key)
    gates = words.listed(Gate.objects.filter(school=school).order_by("name").values_list("name", flat=True))
    return page(
        request,
        "school/reader_new.html",
        school_frame(request, school, current="readers"),
        form=form,
        gates=gates,
        crumbs=_crumbs(code),
        back_url=reverse("school-readers", args=[code]),
    )


@open_to(*MANAGES)
@require_safe
def reader(request: HttpRequest, code: str, reader_id: UUID) -> HttpResponse:
    """One reader: its health, and what can be done with it."""
    school, now = queries.school(request.user, code, *MANAGES), now_of(request)
    state = next((one for one in reader_states(school, now=now) if one.reader.pk == reader_id), None)
    if state is None:
        raise Http404("no such reader at this school")
    drawn = boards.readers([state], school, now=now, linked=False)[0]
    card = {
        "name": drawn["name"],
        "state": drawn["state"],
        "word": drawn["word"],
        "facts": _facts(state, school, now),
        "actions": _actions(code, state.reader),
    }
    frame = school_frame(request, school, current="readers")
    return page(request, "school/reader.html", frame, reader=card, crumbs=_crumbs(code))


@open_to(*MANAGES)
@require_POST
def rest(request: HttpRequest, code: str, reader_id: UUID) -> HttpResponse:
    """Out of use, or back in use."""
    one = _own(request, code, reader_id)
    if one.rested_at is None:
        keys.rest(one, by=request.user, now=now_of(request))
        messages.success(request, _("Out of use. Its silence holds no messages."))
    else:
        keys.return_to_use(one, by=request.user)
        messages.success(request, _("In use again."))
    return redirect("school-reader", code, reader_id)


@open_to(*MANAGES)
@require_http_methods(["GET", "HEAD", "POST"])
def renew(request: HttpRequest, code: str, reader_id: UUID) -> HttpResponse:
    """A new key, after a confirmation; the old one opens nothing any more."""
    one = _own(request, code, reader_id)
    if request.method == "POST":
        return _show_key(request, one.school, one, keys.renew(one, by=request.user))
    confirm = {
        "title": _("Make a new key for {reader}?").format(reader=_name(one)),
        "count": 1,
        "unit": _("reader stops until it has the new key"),
        "facts": [_("The old key opens nothing any more, within seconds."), _("Taps wait in the reader meanwhile.")],
        "action": {"label": _("Make a new key"), "url": request.path, "kind": "danger"},
        "back_url": reverse("school-reader", args=[code, reader_id]),
    }
    return _confirm(request, one.school, confirm)


@open_to(*MANAGES)
@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, code: str, reader_id: UUID) -> HttpResponse:
    """Close the key for good, after a confirmation."""
    one = _own(request, code, reader_id)
    if request.method == "POST":
        keys.revoke(one, by=request.user, now=now_of(request))
        messages.success(request, _("{reader} is revoked.").format(reader=_name(one)))
        return redirect("school-readers", code)
    confirm = {
        "title": _("Revoke {reader} for good?").format(reader=_name(one)),
        "count": 1,
        "unit": _("reader is refused from now on"),
        "facts": [
            _("Its taps of the past stay on record."),
            _("For a repair or the holidays, take it out of use instead."),
        ],
        "action": {"label": _("Revoke it"), "url": request.path, "kind": "danger"},
        "back_url": reverse("school-reader", args=[code, reader_id]),
    }
    return _confirm(request, one.school, confirm)


def _own(request: HttpRequest, code: str, reader_id: UUID) -> Reader:
    school = queries.school(request.user, code, *MANAGES)
    found = Reader.objects.filter(school=school, pk=reader_id, revoked_at=None).select_related("gate", "school").first()
    if found is None:
        raise Http404("no such reader at this school")
    return found


@transaction.atomic
def _enrol(request: HttpRequest, school: School, data: dict[str, Any]) -> tuple[Reader, str]:
    gate, _made = Gate.objects.get_or_create(school=school, name=data["gate"])
    rule = data["card_rule"].to_json()
    return keys.enrol(gate, data["name"], card_rule=rule, by=request.user, now=now_of(request))


def _show_key(request: HttpRequest, school: School, one: Reader, key: str) -> HttpResponse:
    return page(
        request,
        "school/reader_key.html",
        school_frame(request, school, current="readers"),
        name=_name(one),
        key=key,
        crumbs=_crumbs(school.code),
        done_url=reverse("school-reader", args=[school.code, one.pk]),
    )


def _confirm(request: HttpRequest, school: School, confirm: dict[str, Any]) -> HttpResponse:
    return page(request, "portals/confirm.html", school_frame(request, school, current="readers"), confirm=confirm)


def _name(one: Reader) -> str:
    return f"{one.gate.name} {one.name}"


def _crumbs(code: str) -> list[dict[str, str]]:
    return [{"label": _("Readers"), "url": reverse("school-readers", args=[code])}]


def _facts(state: ReaderState, school: School, now: datetime) -> list[dict[str, str]]:
    one = state.reader
    ago = words.duration((now - state.heard_at).total_seconds())
    facts = [
        (
            _("Last heard"),
            _("{time} ({duration} ago)").format(
                time=words.clock_seconds(state.heard_at, school.timezone), duration=ago
            ),
        ),
        (_("Taps today"), str(state.taps_today)),
        (_("Still to send"), str(state.queue)),
        (_("Its clock"), _skew(one.health.skew_ms)),
        (_("Card numbers"), _printed(one)),
        (_("Enrolled"), words.slashed(one.created_at.date())),
    ]
    return [{"label": label, "value": value} for label, value in facts]


def _skew(skew_ms: int) -> str:
    seconds = abs(skew_ms) / 1000
    if seconds < 2:
        return _("right")
    ahead = _("{duration} ahead") if skew_ms > 0 else _("{duration} behind")
    return ahead.format(duration=words.duration(seconds))


def _printed(one: Reader) -> str:
    rule = CardRule.from_json(one.card_rule) if one.card_rule else CardRule()
    sample = _SAMPLES[1] if rule.width == 7 else _SAMPLES[0]
    return f"{sample} → {typed(sample, rule)}"


def _actions(code: str, one: Reader) -> list[dict[str, str]]:
    resting = one.rested_at is not None
    return [
        {
            "label": _("Return to use") if resting else _("Take out of use"),
            "url": reverse("school-reader-rest", args=[code, one.pk]),
            "kind": "plain",
            "method": "post",
        },
        {"label": _("New key…"), "url": reverse("school-reader-key", args=[code, one.pk]), "kind": "plain"},
        {"label": _("Revoke…"), "url": reverse("school-reader-revocation", args=[code, one.pk]), "kind": "quiet"},
    ]
