"""What the design system promises, whatever the pages put into it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.portals.tests import design_preview
from gatepost.portals.tests import preview_samples as samples

PORTALS = Path(__file__).resolve().parent.parent
STATIC = PORTALS / "static" / "gatepost"
TEMPLATES = PORTALS / "templates"
COMPONENTS = sorted((TEMPLATES / "gatepost" / "components").glob("*.html"))
ALL = sorted(TEMPLATES.rglob("*.html"))
CATALOGUES = sorted((PORTALS.parent / "locale").glob("*/LC_MESSAGES/django.po"))


def test_the_stylesheet_stays_under_21_kilobytes() -> None:
    assert (STATIC / "gatepost.css").stat().st_size < 21_000


def test_a_first_page_brings_less_than_60_kilobytes() -> None:
    brought = ("gatepost.css", "gatepost.js", "icons.svg", "mark.svg", "favicon.svg")
    assert sum((STATIC / name).stat().st_size for name in brought) < 30_000


def test_the_stylesheet_fetches_nothing() -> None:
    assert not re.search(r"url\(|@import|@font-face", (STATIC / "gatepost.css").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_no_template_has_inline_style_or_script(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:", text)


@pytest.mark.parametrize("path", COMPONENTS, ids=lambda path: path.stem)
def test_a_component_says_what_it_expects(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("{% comment %}\n")


def test_every_icon_that_a_template_names_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text(encoding="utf-8")))
    named = {
        name
        for path in ALL
        for name in re.findall(r'icon\.html" with name="([^"]+)"', path.read_text(encoding="utf-8"))
    }
    assert named <= drawn


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_every_text_of_the_components_is_translated(catalogue: Path) -> None:
    known = set(re.findall(r'^msgid "(.+)"$', catalogue.read_text(encoding="utf-8"), re.MULTILINE))
    written = {
        text
        for path in ALL
        if "gatepost" in path.parts[len(TEMPLATES.parts) :]
        for text in re.findall(r'{% translate ["\'](.+?)["\'](?: context| as|\s*%})', path.read_text(encoding="utf-8"))
    }
    assert written <= known


def test_every_component_is_in_the_preview() -> None:
    shown = "".join(path.read_text(encoding="utf-8") for path in design_preview.HERE.joinpath("preview").glob("*.html"))
    tags = PORTALS.joinpath("templatetags").glob("*.py")
    inner = "".join(path.read_text(encoding="utf-8") for path in [*ALL, *tags] if "gatepost" in path.parts)
    assert [path.name for path in COMPONENTS if f"components/{path.name}" not in shown + inner] == []


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    out = tmp_path_factory.mktemp("preview")
    names = design_preview.render(out)
    with design_preview.served(out) as base:
        yield base, names


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "rules"), [("light", design_preview.RULES), ("dark", ["color-contrast"])])
def test_every_component_is_accessible_on_a_phone_and_fits_it(
    preview: tuple[str, list[str]], scheme: str, rules: list[str]
) -> None:
    base, names = preview
    with design_preview.browser() as chromium:
        page = chromium.new_context(
            viewport={"width": 360, "height": 780}, color_scheme=scheme, bypass_csp=True
        ).new_page()
        for name in names:
            page.goto(f"{base}/{name}.html")
            assert design_preview.findings(page, rules) == [], name
            assert page.evaluate("document.documentElement.scrollWidth") == 360, name


@pytest.mark.browser
def test_the_pages_obey_the_content_security_policy(preview: tuple[str, list[str]]) -> None:
    base, names = preview
    said: list[str] = []
    with design_preview.browser() as chromium:
        page = chromium.new_page()
        page.on("console", lambda message: said.append(message.text))
        for name in names:
            page.goto(f"{base}/{name}.html")
    assert [text for text in said if "Content Security Policy" in text] == []


@pytest.mark.browser
def test_the_error_summary_has_the_focus_without_script(preview: tuple[str, list[str]]) -> None:
    base, _ = preview
    with design_preview.browser() as chromium:
        page = chromium.new_context(java_script_enabled=False).new_page()
        page.goto(f"{base}/manual-wrong.html")
        assert page.locator(".errors:focus").count() == 1


@pytest.mark.browser
def test_figures_that_nobody_refreshed_say_so_by_themselves(preview: tuple[str, list[str]]) -> None:
    base, _ = preview
    with design_preview.browser() as chromium:
        page = chromium.new_page()
        page.goto(f"{base}/today.html")
        late = page.locator(".live__late")
        assert not late.is_visible()
        page.evaluate("document.getAnimations().forEach((one) => one.finish())")
        assert late.is_visible()


@pytest.mark.browser
def test_the_menus_of_the_bar_open_and_close_by_keyboard(preview: tuple[str, list[str]]) -> None:
    base, _ = preview
    with design_preview.browser() as chromium:
        page = chromium.new_page(viewport={"width": 360, "height": 780})
        page.goto(f"{base}/home.html")
        for menu in page.locator("details.menu").all():
            menu.locator("summary").focus()
            page.keyboard.press("Enter")
            assert menu.locator(".menu__panel").is_visible()
            page.keyboard.press("Escape")
            assert not menu.locator(".menu__panel").is_visible()


@pytest.mark.browser
def test_what_the_bar_of_a_phone_does_not_show_lies_behind_more_with_the_current_page_marked(
    preview: tuple[str, list[str]],
) -> None:
    base, _ = preview
    with design_preview.browser() as chromium:
        context = chromium.new_context(viewport={"width": 360, "height": 780}, java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{base}/settings.html")
        shown, bar = page.locator(".bar__nav > ul > li > a:visible"), page.locator(".bar__nav")
        assert shown.all_inner_texts() == ["首頁", "出勤", "數位學生證"]
        assert bar.bounding_box()["height"] < 50
        bar.locator("summary").click()
        assert bar.get_by_role("link").all_inner_texts() == list(samples.FAMILY_NAV)
        assert bar.get_by_role("link", name="設定").get_attribute("aria-current") == "page"
        assert bar.locator("summary").evaluate("one => getComputedStyle(one).fontWeight") == "600"
        page.set_viewport_size({"width": 1280, "height": 800})
        assert shown.all_inner_texts() == list(samples.FAMILY_NAV)
        assert not bar.locator("summary").is_visible()
        page.goto(f"{base}/today.html")
        assert shown.count() == len(samples.SCHOOL_NAV)
        assert bar.bounding_box()["height"] < 50
