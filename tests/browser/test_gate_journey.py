"""The first journey of the two that must always work: from the front page to the message that the child is at school.

A phone of 360 × 740, the keyboard alone, axe at every page. `make walks` goes in all four languages and looks at more
pages on the way; `make test` goes in the first of them.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import time, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils.translation import get_language_info
from playwright.sync_api import Page, expect

from gatepost.accounts.models import Account
from gatepost.attendance import arrivals
from gatepost.attendance.models import Rules
from gatepost.attendance.tests.taps import tapped
from gatepost.cards.models import Card
from gatepost.gates.models import Reader
from gatepost.guardians.applications import approvals, invitations
from gatepost.guardians.applications.models import Application, Desk
from gatepost.notify.models import Subscription
from gatepost.personal import copies
from gatepost.personal.models import Closing
from gatepost.roster.identity_numbers import invented
from gatepost.roster.models import Student
from gatepost.surveys import satisfaction
from gatepost.surveys.models import Reply
from tests import builders
from tests.browser.conftest import Site
from tests.browser.mailbox import Mailbox, text_of
from tests.browser.walker import HAN, SCREEN, Walker
from tests.builders import MONDAY, at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ALL = bool(os.environ.get("WALKS"))
LOCALES = {"zh-hant": "zh-TW", "en": "en-US", "vi": "vi-VN", "id": "id-ID"}
EVENING = at("20:00", MONDAY - timedelta(days=1))
MOTHER, SECOND, FAMILY, HOME = "mother@example.org", "work@example.org", "river-umbrella-42", "gate-and-home-7"
DESK, NEWS, TRIP = "02-2345-6789", "12 月 5 日補上課", "校外教學同意書"
DATA = [
    DESK,
    NEWS,
    TRIP,
    "流感疫苗接種日程",
    "Language · 語言",
    "請帶健康紀錄卡。",
    "星期五去動物園，請帶水壺。",
    "明天停水",
    "請自備飲用水。",
]
PEOPLE = [
    "臺北市萬華區雙園國民小學",
    "雙園國小",
    "2年01班",
    "王小明",
    "林淑芬",
    "陳美玲",
    "張文傑",
    "南門",
    "號機",
    "萬華區",
]

Open = Callable[..., Page]


@pytest.fixture
def child(site: Site) -> Student:
    """A child of a school that takes applications, with a card, a week at school and no family yet."""
    site.now = EVENING
    district = builders.a_district("37", name="萬華區", name_en="Wanhua", postal_code="108")
    school = builders.a_school("373602", name=PEOPLE[0], short_name="雙園國小", district=district)
    Desk.objects.create(school=school, contact=DESK)
    Rules.objects.create(school=school, cutoff=time(8, 10), leave_from=time(15, 50))
    student = builders.a_student(builders.a_class(school), number="10301123", seat=12)
    reader, _key = builders.a_reader(school, name="2 號機")
    card = builders.a_card(student)
    for back, (came, went) in {4: ("07:40", "16:02"), 3: ("07:44", "16:10"), 0: ("", "")}.items():
        day = MONDAY - timedelta(days=back)
        builders.a_school_day(school, day=day)
        for clock in filter(None, (came, went)):
            tapped(reader, card.uid, at(clock, day))
    _follow(EVENING)
    builders.an_announcement(NEWS, important=True)
    builders.an_announcement("流感疫苗接種日程", school=school)
    ends = EVENING + timedelta(days=20)
    by = builders.an_account()
    satisfaction.set_period(MONDAY, opens_at=EVENING, closes_at=ends, by=by, now=EVENING)
    return student


@pytest.mark.parametrize("language", LOCALES if ALL else list(LOCALES)[:1])
def test_a_family_walks_from_the_front_page_to_the_message(
    language: str, child: Student, site: Site, mailbox: Mailbox, open_browser: Open
) -> None:
    other = "en-US" if language == "zh-hant" else "zh-TW"
    walker = Walker(open_browser(size=SCREEN, locale=other), language, known=[*DATA, *PEOPLE], check_all=ALL)
    choose_the_language(walker)
    read_what_everybody_may(walker)
    begin_with_the_letter(walker, a_letter(child, language))
    fill_in(walker, mailbox)
    office = builders.an_office(child.school, "registrar")
    approvals.approve(Application.objects.get(), by=office, ring=settings.KEY_RING, now=site.now)
    mailbox.deliver()
    open_the_account(walker, mailbox)
    choose_messages(walker, mailbox)
    come_to_school(child, site, mailbox, language)
    see_the_day(walker, child)
    lose_the_card(walker, child)
    read_what_the_school_wrote(walker, child, site)
    answer_the_survey(walker)
    take_the_data(walker, site)
    close_and_keep_the_account(walker)
    assert not walker.troubles, "\n\n".join(walker.troubles)


def choose_the_language(walker: Walker) -> None:
    """The phone of somebody who borrowed it: the menu of languages is found without a word of the page's own."""
    page = walker.page
    page.goto("/")
    walker.unfold(page.locator("summary", has_text="Language"))
    names = get_language_info(walker.language)["name_local"]
    walker.press(page.get_by_role("banner").get_by_role("button", name=names))
    walker.here("Your child taps in at the gate; you know within a second.")
    expect(page.get_by_text("流感疫苗接種日程")).to_have_count(0)  # a school's news is for its families


def read_what_everybody_may(walker: Walker) -> None:
    """The city's news and the standing pages; then the ways to sign in, where a family without an account is told."""
    page = walker.page
    walker.press(page.get_by_role("link", name=NEWS))
    walker.named(NEWS)
    walker.follow("Announcements")
    walker.here("Announcements")
    pages = ("Card lost", "Tap without a card", "Questions and answers", "Guide", "Introduction", "Privacy notice")
    for title in pages if ALL else pages[:1]:
        walker.follow(title)
        walker.here(title)
    walker.follow("Sign in")
    walker.here("Sign in")
    walker.write("Email", MOTHER)
    walker.write("Password", "wrong", enter=True)
    expect(page.get_by_role("alert").first).to_be_visible()
    expect(page.get_by_label(walker.say("Email"), exact=True)).to_have_value(MOTHER)
    walker.look()
    walker.follow("Register with my child’s school", exact=False)
    walker.here("Choose the school")


def begin_with_the_letter(walker: Walker, code: str) -> None:
    page = walker.page
    if ALL:
        walker.press(page.get_by_role("link", name=re.compile("雙園")))
        expect(page.locator("altcha-widget input[type=checkbox]")).to_be_visible(timeout=20_000)
        walker.choose(page.locator("altcha-widget input[type=checkbox]"))
        expect(page.locator("altcha-widget")).to_contain_text(walker.say("Done"), timeout=30_000)
        walker.look()
    walker.follow("Begin with the letter")
    walker.here("Begin with a letter")
    walker.write("Code of the letter", "0000-0000-0000", enter=True)
    expect(page.get_by_role("alert").first).to_be_focused()
    walker.look()
    walker.write("Code of the letter", code, enter=True)
    walker.here("Set your own password")
    walker.write("New password", FAMILY)
    walker.write("The same once more", FAMILY, enter=True)
    walker.here("Apply for the parent–child account")
    walker.follow("Begin")


def a_letter(child: Student, language: str) -> str:
    """The code that the school printed for the family."""
    (drawn,) = invitations.draw([child], {child.pk: language}, now=EVENING)
    teacher = builders.a_teacher(child.school_class) if child.school_class else builders.an_account()
    invitations.keep([drawn], by=teacher, ring=settings.KEY_RING, seen_at=EVENING, now=EVENING)
    return invitations.grouped(drawn.code)


def fill_in(walker: Walker, mailbox: Mailbox) -> None:
    """All steps for one parent; the wrong number is mended where the page says so."""
    page = walker.page
    walker.here("Check the student’s data")
    walker.choose(walker.by("The data is correct", role="radio"))
    walker.follow("Go on", role="button")
    walker.here("Notice and consent")
    answers = page.get_by_role("radio", name=walker.say("I agree"), exact=True)
    walker.choose(answers.first)
    walker.choose(page.get_by_role("radio", name=walker.say("I do not agree"), exact=True).last)
    walker.follow("Go on", role="button")
    walker.here("Who applies?")
    walker.choose(walker.by("The parents are the guardians; one of them applies", role="radio"))
    walker.follow("Go on", role="button")
    walker.here("Fill in who applies")
    walker.write("Full name", "林淑芬")
    walker.pick(page.get_by_label(walker.say("Relation to the child"), exact=True), walker.say("Mother and son"))
    walker.write("ID or residence number", "A123456788")
    walker.write("Mobile number", "0912-345-678")
    walker.write("Email", MOTHER, enter=True)
    expect(page.get_by_role("alert").first).to_be_focused()
    walker.look()
    walker.write("ID or residence number", invented(1, female=True))
    walker.follow("Go on", role="button")
    walker.here("Prove the email")
    walker.follow("Send the code", role="button")
    walker.look()
    walker.write("Code", mailbox.newest(MOTHER, r"\b(\d{6})\b"), enter=True)
    walker.here("Look once more, then submit")
    walker.follow("Submit to the school", role="button")
    walker.here("With the school")
    walker.follow("Withdraw the application")
    walker.here("Withdraw the application")
    walker.follow("Keep it")
    mailbox.deliver()
    assert Application.objects.get().state == "submitted"


def open_the_account(walker: Walker, mailbox: Mailbox) -> None:
    """From the link of the mail to the home page, which says what is told from now on."""
    walker.page.goto(mailbox.newest(MOTHER, r"(http://\S+/activate/\S+)"))
    walker.here("Set your password")
    walker.write("New password", HOME)
    walker.write("The same once more", HOME, enter=True)
    walker.here("Home")
    expect(walker.page.get_by_role("main")).to_contain_text("王小明")


def choose_messages(walker: Walker, mailbox: Mailbox) -> None:
    """A second address, proven; a switch off and on again with what changed said; the language; what is on record."""
    page = walker.page
    _more(walker, "Settings")
    walker.here("Account settings")
    walker.follow("Add an email address")
    walker.here("Add an email address")
    walker.write("Email", SECOND, enter=True)
    walker.here("Type the code")
    mailbox.deliver()
    walker.write("Code", mailbox.newest(SECOND, r"\b(\d{6})\b"), enter=True)
    walker.here("Account settings")
    walker.unfold(page.get_by_role("main").locator("summary", has_text=walker.say("Change the messages")))
    walker.look()
    before = Subscription.objects.count()
    walker.choose(page.get_by_role("switch").first)
    walker.follow("Save", role="button")
    walker.look()
    assert Subscription.objects.count() == before - 1
    said = page.get_by_role("status").inner_text()
    assert walker.say("{student}: switched off {choices}.").partition("{choices}")[0].format(student="王小明") in said
    walker.follow("Undo", role="button")
    assert Subscription.objects.count() == before
    walker.unfold(page.get_by_role("main").locator("summary", has_text=walker.say("On record")))
    walker.unfold(page.get_by_role("main").locator("summary", has_text=walker.say("What Gatepost knows of you")))
    walker.look()
    for title in ("Daily summary", "Quiet hours"):
        walker.follow(title, exact=False)
        walker.here(title)
        walker.follow("Account settings")


def come_to_school(child: Student, site: Site, mailbox: Mailbox, language: str) -> None:
    """The tap, and what the family is told: who, what, when, whence, in its language; a safety message has no link."""
    site.now = at("07:43")
    tapped(Reader.objects.get(), child.cards.get().uid, at("07:42"))
    builders.hear(Reader.objects.get(), at("07:42:30"))
    _follow(site.now)
    mailbox.deliver()
    mail = mailbox.mails(MOTHER)[-1]
    assert "王小明" in str(mail["subject"])
    assert "07:42" in str(mail["subject"])
    said = text_of(mail)
    assert "雙園國小" in said
    assert "南門 2 號機" in said
    assert f"/family/children/{child.pk}" not in said
    if language != "zh-hant":
        for word in PEOPLE:
            said = said.replace(word, "")
        assert not HAN.search(said), said


def see_the_day(walker: Walker, child: Student) -> None:
    """The answer first, then the day with what was told, the month, the term, and who looked."""
    page = walker.page
    _more(walker, "Home")
    walker.here("Home")
    main = page.get_by_role("main")
    expect(main).to_contain_text("07:42")
    expect(main).to_contain_text("南門 2 號機")
    walker.press(main.get_by_role("link", name="王小明"))
    expect(main).to_contain_text("mo…@example.org")
    walker.look()
    walker.follow("The month")
    expect(main).to_contain_text("07:42")
    walker.look()
    walker.press(main.get_by_role("link", name=walker.say("Reports")))
    expect(main).to_contain_text(walker.say("Present"))
    walker.look()
    walker.press(page.get_by_role("navigation").get_by_role("link", name="王小明"))
    walker.follow("Who looked")
    walker.here("Who looked")


def lose_the_card(walker: Walker, child: Student) -> None:
    """Stopped, taken back, and reported lost, which has to be read first."""
    page = walker.page
    _more(walker, "Cards")
    walker.here("Cards")
    walker.follow("Freeze", role="button", exact=False)
    expect(page.get_by_role("status")).to_have_text(walker.say("The card of {student} is frozen.", student=child.name))
    walker.look()
    walker.follow("Let it count again", role="button", exact=False)
    walker.follow("Report lost…", exact=False)
    walker.here("Report the card of {student} lost?", student=child.name)
    walker.follow("Report it lost", role="button")
    expect(page.get_by_role("alert").first).to_be_focused()
    walker.look()
    assert Card.objects.get().state == "active"
    walker.choose(page.get_by_role("checkbox"))
    walker.follow("Report it lost", role="button")
    walker.here("Cards")
    assert Card.objects.get().state == "lost"


def read_what_the_school_wrote(walker: Walker, child: Student, site: Site) -> None:
    """A class notice is signed, a message is read; services and text messages say where they stand."""
    builders.a_class_notice(child, title=TRIP, now=site.now)
    builders.a_message(child, now=site.now)
    _more(walker, "Class notices")
    walker.here("Class notices")
    walker.press(walker.page.get_by_role("link", name=TRIP))
    walker.named(TRIP)
    walker.follow("I have read it: sign", role="button")
    expect(walker.page.get_by_role("status")).to_have_text(walker.say("Signed. The school sees it."))
    walker.look()
    _more(walker, "Messages", context="from schools")
    walker.look()
    for title in ("Services",) if ALL else ():
        _more(walker, title)
        walker.here(title)


def answer_the_survey(walker: Walker) -> None:
    page = walker.page
    _more(walker, "Survey")
    walker.here("Satisfaction survey")
    walker.follow("Send my answers", role="button")
    expect(page.get_by_role("alert").first).to_be_focused()
    walker.look()
    walker.choose(page.get_by_role("radio", name=walker.say("Mostly agree"), exact=True).last)
    walker.write("What should be better?", "ok")
    walker.follow("Send my answers", role="button")
    expect(page.get_by_role("status")).to_be_visible()
    walker.look()
    assert Reply.objects.get().language == walker.language
    walker.follow("Delete my answers", role="button")
    walker.look()
    assert not Reply.objects.exists()


def take_the_data(walker: Walker, site: Site) -> None:
    """Asked for, being made, and there: the page sees that by itself."""
    page = walker.page
    _of_the_person(walker, "Take my data")
    _still_me(walker, site)
    walker.here("Take my data")
    walker.follow("Ask for a copy", role="button")
    walker.look()
    while copies.follow(site.now):
        pass
    expect(page.get_by_role("heading", name=walker.say("Your copy is ready"))).to_be_visible(timeout=20_000)
    walker.look()


def close_and_keep_the_account(walker: Walker) -> None:
    """Read first, then closed; signed out everywhere; whoever signs in is asked, and keeps it. Then out."""
    _of_the_person(walker, "Close my account")
    walker.here("Close my account")
    walker.follow("Close my account", role="button")
    walker.here("You are signed out everywhere")
    assert Closing.objects.get().kept_at is None
    walker.follow("Sign in")
    walker.write("Email", MOTHER)
    walker.write("Password", HOME, enter=True)
    walker.here("This account is being closed")
    walker.follow("Keep my account", role="button")
    expect(walker.page.get_by_role("status")).to_have_text(walker.say("Your account stays. Nothing was removed."))
    walker.look()
    assert Account.objects.get(email=MOTHER).language == walker.language
    with _menu(walker):
        walker.follow("Sign out", role="button")
    walker.look()


def _still_me(walker: Walker, site: Site) -> None:
    """Asked when the last proof is old."""
    if "/again/" in walker.page.url:
        walker.here("Is it still you?")
        walker.write("Password", HOME, enter=True)


def _more(walker: Walker, msgid: str, *, context: str = "") -> None:
    """A page of the bar, behind “More” where a phone has no room for it."""
    bar = walker.page.get_by_role("banner")
    link = bar.get_by_role("link", name=walker.say(msgid, context=context), exact=True)
    if not link.is_visible():
        walker.unfold(bar.locator(".bar__nav summary"))
    walker.press(link)


def _of_the_person(walker: Walker, msgid: str) -> None:
    with _menu(walker):
        walker.press(walker.page.get_by_role("banner").get_by_role("link", name=walker.say(msgid), exact=True))


@contextmanager
def _menu(walker: Walker) -> Iterator[Any]:
    walker.unfold(walker.page.get_by_role("banner").locator("details.menu > summary", has_text="林淑芬"))
    yield


def _follow(now: Any) -> None:
    while arrivals.follow_taps(now=now):
        pass
