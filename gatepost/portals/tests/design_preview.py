"""Renders every component with invented people, and takes its picture: a way to look at them, no page of the product.

    python -m gatepost.portals.tests.design_preview [--axe] [--pictures] [--language vi] [page …]

writes var/preview/*.html; with --pictures var/preview/shots/*.png (phone and desk, light and dark);
with --axe it lists what axe-core finds. Pages are served under the strict content security policy of the product.
"""

import argparse
import functools
import http.server
import os
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
import django_htmx
from django.conf import settings
from django.template.backends.django import DjangoTemplates
from django.test.utils import override_settings
from django.utils import translation
from django.utils.safestring import mark_safe

HERE = Path(__file__).resolve().parent
PORTALS = HERE.parent
OUT = PORTALS.parent.parent / "var" / "preview"
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
QUIET_BROWSER = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
URLS = "gatepost.portals.tests.preview_urls"
SIZES = {"phone": (360, 780), "desk": (1280, 800)}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def prepare() -> None:
    """Set up as much of Django as templates need: no database, no environment."""
    settings.configure(
        INSTALLED_APPS=["django.contrib.staticfiles", "django_htmx", "gatepost.portals"],
        ROOT_URLCONF=URLS,
        SECRET_KEY="preview",
        STATIC_URL="/static/",
        LANGUAGE_CODE="zh-hant",
        LANGUAGES=[("zh-hant", "繁體中文"), ("en", "English"), ("vi", "Tiếng Việt"), ("id", "Bahasa Indonesia")],
        LOCALE_PATHS=[PORTALS.parent / "locale"],
    )
    django.setup()


def render(out: Path, *, language: str = "zh-hant") -> list[str]:
    """Write every preview page and the files it needs below `out`; give the pages' names."""
    from gatepost.portals.tests.preview_pages import pages

    shutil.copytree(PORTALS / "static", out / "static", dirs_exist_ok=True)
    shutil.copytree(Path(django_htmx.__file__).parent / "static", out / "static", dirs_exist_ok=True)
    engine = DjangoTemplates({"NAME": "preview", "DIRS": [HERE / "preview"], "APP_DIRS": True, "OPTIONS": {}})
    names = []
    with override_settings(ROOT_URLCONF=URLS), translation.override(language):
        for name, (template, context) in pages().items():
            html = engine.get_template(template).render({"csrf_token": mark_safe("preview"), **context})
            (out / f"{name}.html").write_text(html, encoding="utf-8")
            names.append(name)
    return names


class _Handler(http.server.SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the parent
        """Stay silent."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder over HTTP on a free port, under the policy of the product."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium without a window; StopIteration when this machine has none."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = os.environ.get("GATEPOST_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)))
        chromium = playwright.chromium.launch(executable_path=found, args=QUIET_BROWSER)
        yield chromium
        chromium.close()


def findings(page: Any, rules: Sequence[str] = RULES) -> list[str]:
    """What axe-core finds on the page by these rules or sets of rules, one line per rule and element."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": list(rules)}).response["violations"]
    return [f"{rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]]


def look(*, names: list[str], base: str, pictures: bool, axe: bool) -> int:
    """Open each page at each size, light and dark; give the number of things found wrong."""
    wrong = 0
    with browser() as chromium:
        for size, (width, height) in SIZES.items():
            for scheme in ("light", "dark"):
                context = chromium.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,
                    device_scale_factor=1.5,
                    bypass_csp=axe,
                )
                page = context.new_page()
                page.on("console", lambda message: _refused(message.text))
                for name in names:
                    page.goto(f"{base}/{name}.html")
                    if pictures:
                        page.screenshot(path=OUT / "shots" / f"{name}-{size}-{scheme}.png", full_page=True)
                    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
                    lines = ["wider than the screen"] if wide else []
                    lines += findings(page) if axe else []
                    wrong += len(lines)
                    for line in lines:
                        sys.stdout.write(f"{name} {size} {scheme}: {line}\n")
                context.close()
    return wrong


def _refused(text: str) -> None:
    """Show what the content security policy refused, not the browser's advice."""
    if "Content Security Policy" in text:
        sys.stdout.write(f"{text}\n")


def main() -> int:
    """Render, look, and end with 1 when something was found wrong."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--axe", action="store_true")
    options.add_argument("--pictures", action="store_true")
    options.add_argument("--language", default="zh-hant")
    options.add_argument("pages", nargs="*")
    asked = options.parse_args()
    prepare()
    (OUT / "shots").mkdir(parents=True, exist_ok=True)
    names = [name for name in render(OUT, language=asked.language) if not asked.pages or name in asked.pages]
    with served(OUT) as base:
        return min(1, look(names=names, base=base, pictures=asked.pictures, axe=asked.axe))


if __name__ == "__main__":
    sys.exit(main())
