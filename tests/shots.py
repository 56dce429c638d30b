"""Pictures of the pages of a demonstration city, for people to look at: `make shots`.

Starts Gatepost on a folder of its own, plays a morning whose alarm is held, signs in as everybody the demonstration
knows, and follows the links: pictures of each kind of page (two addresses that differ only in numbers are one kind),
on a phone and at a desk, light and dark, in Chinese and English, into var/shots/, with an index to leaf through.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from gatepost.demo.cast import PARTS, PASSWORD
from gatepost.up.browser import browser_path

SHOTS = Path(__file__).resolve().parent.parent / "var" / "shots"
SIZES = {"phone": {"width": 360, "height": 780}, "desk": {"width": 1280, "height": 800}}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
VAR = "GATEPOST_VAR"
NO_PAGE = r"/(sign-out|operator/admin|static)/|/file/$|\.csv$"
KINDS_MAX = 60  # of pages for one person; a bound, not a wish


def main() -> None:
    """Take all pictures, and say where they are."""
    shutil.rmtree(SHOTS, ignore_errors=True)
    SHOTS.mkdir(parents=True)
    with gatepost() as site, sync_playwright() as playwright:
        play_a_morning(site)
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        walks = [("anybody", ""), *((part.role, part.email) for part in PARTS)]
        count = sum(walk(browser, site, who=who.replace(" ", "-"), email=email) for who, email in walks)
    write_index()
    sys.stdout.write(f"{count} pictures: {SHOTS / 'index.html'}\n")


def play_a_morning(site: str) -> None:
    """A short one, so that the pages have something to say: arrivals, leave, an offline reader and a held alarm."""
    command = [sys.executable, "-m", "gatepost", "simulate", "morning", "--minutes", "0.2", "--hold"]
    environment = {**os.environ, "GATEPOST_VAR": os.environ[VAR], "GATEPOST_URL": site}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=300)


def write_index() -> None:
    """One page with every picture, the sizes of a page side by side."""
    groups: dict[str, list[str]] = {}
    for file in sorted(SHOTS.glob("*.png")):
        groups.setdefault(file.stem.partition("--")[0], []).append(file.name)
    rows = "".join(
        f"<h2>{name}</h2><p>"
        + "".join(f'<a href="{one}"><img src="{one}" loading="lazy" height="480"></a> ' for one in files)
        for name, files in groups.items()
    )
    (SHOTS / "index.html").write_text(
        f"<!doctype html><meta charset=utf-8><title>Gatepost</title><body style='font-family:sans-serif'>{rows}"
    )


def walk(browser: Browser, site: str, *, who: str, email: str) -> int:
    """Pictures of all kinds of pages that one person can reach; how many."""
    with signed_in(browser, site, email) as context:
        page = context.new_page()
        waiting, seen, kept, count = ["/home/" if email else "/"], set[str](), list[str](), 0
        while waiting and len(seen) < KINDS_MAX:
            path = waiting.pop(0)
            if kind(path) in seen:
                continue
            seen.add(kind(path))
            answer = page.goto(urljoin(site, path))
            if answer is None or answer.status != 200:
                sys.stdout.write(f"{who}: {path} answers {answer.status if answer else 'nothing'}\n")
                continue
            landed = kind(urlsplit(page.url).path)
            if landed != kind(path) and landed in seen:
                continue
            count += picture(page, name_of(who, landed))
            seen.add(landed)
            kept.append(path)
            waiting += links(page, site)
        return count + in_english(page, site, who=who, paths=kept)


@contextmanager
def signed_in(browser: Browser, site: str, email: str) -> Iterator[BrowserContext]:
    """A browser of one person; of nobody in particular without an address."""
    context = browser.new_context(locale="zh-TW", device_scale_factor=1.5)
    if email:
        page = context.new_page()
        page.goto(urljoin(site, "/sign-in/"))
        page.fill("input[type=email]", email)
        page.fill("input[type=password]", PASSWORD)
        page.press("input[type=password]", "Enter")
        page.wait_for_url(lambda url: "/sign-in/" not in url)
        page.close()
    yield context
    context.close()


def in_english(page: Page, site: str, *, who: str, paths: list[str]) -> int:
    """The same pages once more in another language, on a phone; how many."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(SIZES["phone"])
    speak(page, site, "en")
    for path in paths:
        page.goto(urljoin(site, path))
        page.screenshot(path=SHOTS / f"{name_of(who, path)}--phone-light-en.png", full_page=True)
    speak(page, site, "zh-hant")
    return len(paths)


def speak(page: Page, site: str, language: str) -> None:
    """Choose the language at the foot of the front page."""
    page.goto(urljoin(site, "/"))
    page.locator(f"footer button[value={language}], footer [lang={language}]").first.click()
    page.wait_for_load_state()


def name_of(who: str, path: str) -> str:
    """What the pictures of a page are called."""
    return f"{who}{kind(path).rstrip('/').replace('/', '-') or '-front'}"


def picture(page: Page, name: str) -> int:
    """The page in each size, light and dark; how many."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            page.screenshot(path=SHOTS / f"{name}--{size}-{scheme}.png", full_page=True)
    return len(SIZES) * len(SCHEMES)


def links(page: Page, site: str) -> list[str]:
    """Where the page leads, on this site; a file to save is no page."""
    found: list[Any] = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
    ours = [urlsplit(href) for href in found if href.startswith(f"{site}/")]
    return [parts.path for parts in ours if not re.search(NO_PAGE, parts.path)]


def kind(path: str) -> str:
    """The address without what tells one row from another: numbers, dates, codes, keys."""
    return "/".join("x" if any(map(str.isdigit, part)) else part for part in path.split("/"))


@contextmanager
def gatepost() -> Iterator[str]:
    """A Gatepost of our own with a fresh demonstration city; where its pages are."""
    folder = Path(tempfile.mkdtemp(prefix="gatepost-shots-"))
    folder.chmod(0o755)
    ports = free_ports(5)
    played = ("GATEPOST_MAIL_PORT", "GATEPOST_SMTP_PORT", "GATEPOST_IDENTITIES_PORT", "GATEPOST_SERVICES_PORT")
    names = ("GATEPOST_PORT", *played)
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("GATEPOST_", "DATABASE_"))}
    os.environ[VAR] = str(folder / "var")
    environment = {**ours, **dict(zip(names, map(str, ports), strict=True)), VAR: os.environ[VAR]}
    up = subprocess.Popen([sys.executable, "-m", "gatepost", "up"], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        if up.stdout is None or not any("Ctrl-C" in line for line in up.stdout):
            sys.exit("Gatepost did not start.")
        yield f"http://127.0.0.1:{ports[0]}"
    finally:
        up.terminate()
        up.communicate()
        shutil.rmtree(folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


if __name__ == "__main__":
    main()
