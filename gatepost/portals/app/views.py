import json
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import get_template, render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.portals.app.kept import HEADER

PAPER = "#fbfaf6"  # --paper of gatepost.css
# What the page without a network is drawn with.
SHELL = (
    "gatepost/gatepost.css",
    "gatepost/gatepost.js",
    "gatepost/offline.js",
    "gatepost/mark.svg",
    "gatepost/favicon.svg",
    "gatepost/icons.svg",
)


@open_to(PUBLIC)
@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """What a phone asks for when Gatepost goes onto its home screen (W3C Application Manifest)."""
    found = JsonResponse(
        {
            "id": "/",
            "name": _("Gatepost"),
            "short_name": _("Gatepost"),
            "description": _("See that your child arrived at school or left, as soon as it happens."),
            "lang": get_language(),
            "dir": "ltr",
            "start_url": reverse("home"),
            "scope": "/",
            "display": "standalone",
            "background_color": PAPER,
            "theme_color": PAPER,
            "icons": [
                _icon("app-icon-192.png", "192x192", "any"),
                _icon("app-icon-512.png", "512x512", "any"),
                _icon("app-icon-512.png", "512x512", "maskable"),
                _icon("app-icon.svg", "any", "any"),
            ],
            "shortcuts": [{"name": _("Account settings"), "url": reverse("family-settings")}],
        },
        content_type="application/manifest+json",
    )
    found["Cache-Control"] = "no-cache"
    return found


@open_to(PUBLIC)
@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker, for the whole site, of this release."""
    return HttpResponse(_worker(), content_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"})


@open_to(PUBLIC)
@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """What the worker shows without a network. It names nobody: a phone keeps it for whoever signs in there."""
    return render(request, "app/offline.html")


def _icon(name: str, sizes: str, purpose: str) -> dict[str, str]:
    kind = "image/svg+xml" if name.endswith(".svg") else "image/png"
    return {"src": static(f"gatepost/{name}"), "sizes": sizes, "type": kind, "purpose": purpose}


@cache
def _worker() -> str:
    filled: dict[str, Any] = {
        "release": _release(),
        "settings": json.dumps(
            {
                "offline": reverse("offline"),
                "shell": [static(name) for name in SHELL],
                "header": HEADER,
                "receipts": reverse("push-receipt"),
                "renewals": reverse("push-renewal"),
                "icon": static("gatepost/app-icon-192.png"),
            }
        ),
    }
    return render_to_string("app/worker.js", filled)


def _release() -> str:
    """A word that changes when anything changes that a phone keeps."""
    digest = sha256(version("gatepost").encode())
    for name in SHELL:
        path = finders.find(name)
        if isinstance(path, str):
            digest.update(Path(path).read_bytes())
    for template in ("app/worker.js", "app/offline.html"):
        digest.update(get_template(template).template.source.encode())  # type: ignore[attr-defined]
    return digest.hexdigest()[:12]
