"""The pages that always stand: what this is, help, what to do about a card, the privacy notice.

Their texts are long, so each is a file for each language in `templates/public/texts/`; a test keeps them alike. Titles
and descriptions are texts like all others.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.portals.frame import page, public_frame


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One page. `text` names its files; `action` is the one thing to do there: a label and the name of an address."""

    text: str
    title: Promise
    description: Promise  # the sentence under the title, and what a search engine shows
    action: tuple[Promise, str] | None = None


INTRODUCTION = Standing(
    text="introduction",
    title=gettext_lazy("Introduction"),
    description=gettext_lazy(
        "What Gatepost does for families, what it costs, what it never does, and who answers for it."
    ),
)
GUIDE = Standing(
    text="guide",
    title=gettext_lazy("Guide"),
    description=gettext_lazy("Step by step, with pictures: sign in, add your child, read the day, choose messages."),
)
FAQ = Standing(
    text="faq",
    title=gettext_lazy("Questions and answers"),
    description=gettext_lazy("What families ask about cards, messages, guardians, moving, and personal data."),
)
LOST_CARD = Standing(
    text="lost_card",
    title=gettext_lazy("Card lost"),
    description=gettext_lazy(
        "Freeze the card first: nobody can pass with it, and it can be undone. It takes a minute."
    ),
    action=(gettext_lazy("Freeze or report a card"), "family-cards"),
)
NO_CARD = Standing(
    text="no_card",
    title=gettext_lazy("Tap without a card"),
    description=gettext_lazy("The card was left at home? The guard or the teacher enters your child by hand."),
)
PRIVACY = Standing(
    text="privacy",
    title=gettext_lazy("Privacy notice"),
    description=gettext_lazy("Which personal data is collected, what for, how long, who gets it, and your rights."),
)

# Every version that was ever in force, and since when. A text that was shown is never edited: a change is a new one.
PRIVACY_VERSIONS = {1: date(2026, 11, 30)}


@open_to(PUBLIC)
@require_safe
def introduction(request: HttpRequest) -> HttpResponse:
    """What this is, what it costs, what it never does, who answers for it."""
    return _shown(request, INTRODUCTION)


@open_to(PUBLIC)
@require_safe
def guide(request: HttpRequest) -> HttpResponse:
    """Step by step, with pictures of the running system."""
    return _shown(request, GUIDE)


@open_to(PUBLIC)
@require_safe
def faq(request: HttpRequest) -> HttpResponse:
    """Questions of families, each answered."""
    return _shown(request, FAQ)


@open_to(PUBLIC)
@require_safe
def lost_card(request: HttpRequest) -> HttpResponse:
    """What to do now, and what reporting a card lost means."""
    return _shown(request, LOST_CARD)


@open_to(PUBLIC)
@require_safe
def no_card(request: HttpRequest) -> HttpResponse:
    """What the child does, what the school enters, what home sees."""
    return _shown(request, NO_CARD)


@open_to(PUBLIC)
@require_safe
def privacy(request: HttpRequest, version: int = max(PRIVACY_VERSIONS)) -> HttpResponse:
    """The notice in force, or an earlier one; 404 for what never was one."""
    if version not in PRIVACY_VERSIONS:
        raise Http404("no such version")
    others = sorted(set(PRIVACY_VERSIONS) - {version}, reverse=True)
    return _shown(
        request,
        PRIVACY,
        version=version,
        body=settings.PRIVACY_BODY,
        contact=settings.PRIVACY_CONTACT,
        meta=[_version_line(version)],
        versions=[{"text": _version_line(one), "url": reverse("privacy-version", args=[one])} for one in others],
    )


def _shown(request: HttpRequest, standing: Standing, *, version: int | None = None, **context: Any) -> HttpResponse:
    label, url_name = standing.action or (None, "")
    return page(
        request,
        "public/standing.html",
        public_frame(request),
        title=standing.title,
        description=standing.description,
        text=text_of(standing, version=version),
        action={"label": label, "url": reverse(url_name)} if url_name else None,
        **context,
    )


def text_of(standing: Standing, *, version: int | None = None) -> str:
    """The file of the page's text in the language being spoken."""
    name = f"{standing.text}-{version}" if version else standing.text
    return f"public/texts/{name}.{get_language()}.html"


def _version_line(version: int) -> str:
    since = date_format(PRIVACY_VERSIONS[version], "DATE_FORMAT")
    return _("Version {version}, in force since {day}").format(version=version, day=since)
