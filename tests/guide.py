"""The pictures of the guide, made by the running system with invented people: `make guide`.

Each page of the guide at the size of a phone, in each language, as small WebP files that are kept in the repository. To
be made again when a page on them has changed; whoever commits them looks at them first.
"""

import base64
import sys
from pathlib import Path
from urllib.parse import urljoin

from playwright.sync_api import Browser, Page, sync_playwright

from gatepost.demo.cast import GUARDIAN
from gatepost.portals.templatetags.pictures import HEIGHT, WIDTH
from gatepost.up.browser import browser_path
from tests.shots import gatepost, play_a_morning, signed_in, speak

PICTURES = Path(__file__).resolve().parent.parent / "gatepost" / "portals" / "static" / "guide"
LANGUAGES = ("zh-hant", "en", "vi", "id")
SCALE, QUALITY = 1.5, 55
SHOW = """element => {
    for (let one = element; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    scrollTo(0, element.getBoundingClientRect().top - 16);
}"""
# Name of the picture → the page, and what to bring to the top of it.
FAMILY = {
    "claim": ("/family/children/new/", ""),
    "messages": ("/family/settings/", ".matrix"),
    "card": ("/family/cards/", ""),
    "app": ("/family/", ""),
}


def main() -> None:
    """Make all pictures, and say how large they are."""
    with gatepost() as site, sync_playwright() as playwright:
        play_a_morning(site)
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        total = take(browser, site)
    sys.stdout.write(f"{total // 1024} kB: {PICTURES}\n")


def take(browser: Browser, site: str) -> int:
    """The pictures of the site, in each language; how many bytes they are together."""
    total = 0
    with signed_in(browser, site, "") as context:
        total += sum(_in(language, context.new_page(), site, {"sign-in": ("/sign-in/", "")}) for language in LANGUAGES)
    with signed_in(browser, site, GUARDIAN.email) as context:
        page = context.new_page()
        total += sum(_in(language, page, site, FAMILY | {"day": (_day(page, site), "")}) for language in LANGUAGES)
        speak(page, site, "zh-hant")
    return total


def _day(page: Page, site: str) -> str:
    """Where a whole day of the first child is told: the one before the day on which the morning was played."""
    page.goto(urljoin(site, "/family/"))
    days = page.locator(".day").first.locator("a[href*='/days/']")
    return str(days.nth(days.count() - 2).get_attribute("href"))


def _in(language: str, page: Page, site: str, wanted: dict[str, tuple[str, str]]) -> int:
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    speak(page, site, language)
    return sum(
        _picture(page, urljoin(site, path), top, PICTURES / language / f"{name}.webp")
        for name, (path, top) in wanted.items()
    )


def _picture(page: Page, address: str, top: str, file: Path) -> int:
    page.goto(address, wait_until="networkidle")
    if top:
        page.locator(top).first.evaluate(SHOW)
    clip = {"x": 0, "y": page.evaluate("scrollY"), "width": WIDTH, "height": HEIGHT, "scale": SCALE}
    asked = {"format": "webp", "quality": QUALITY, "clip": clip, "captureBeyondViewport": True}
    answer = page.context.new_cdp_session(page).send("Page.captureScreenshot", asked)
    file.parent.mkdir(parents=True, exist_ok=True)
    return file.write_bytes(base64.b64decode(answer["data"]))


if __name__ == "__main__":
    main()
