import json
from datetime import timedelta

import pytest
from django.core import signing
from django.db import connection
from django.urls import reverse

from gatepost.attendance.notices import ARRIVED, LEFT
from gatepost.notify.mail import UNSUBSCRIBE_SALT
from gatepost.notify.models import Address, Subscription
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.watch import beats
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db


class TestFront:
    def test_the_front_page_shows_what_is_new_and_the_ways_in(self) -> None:
        builders.an_announcement("停電公告", important=True)
        page = text_of(visit().get("/"))
        assert "停電公告" in page
        assert "重要" in page
        for name in ("family", "schools", "bureau-today", "operator-health", "account_login", "announcements"):
            assert f'href="{reverse(name)}"' in page

    def test_what_has_run_out_is_in_the_history_only(self) -> None:
        old = builders.an_announcement("舊公告")
        old.expires_at = NOW - timedelta(hours=1)
        old.save()
        assert "舊公告" not in text_of(visit().get("/"))
        assert "舊公告" in text_of(visit().get("/announcements/"))

    def test_what_is_planned_is_nowhere_yet(self) -> None:
        planned = builders.an_announcement("明天的公告", published_at=NOW + timedelta(days=1))
        assert "明天的公告" not in text_of(visit().get("/announcements/"))
        assert visit().get(f"/announcements/{planned.pk}/").status_code == 404

    def test_a_long_history_has_pages(self) -> None:
        for number in range(21):
            builders.an_announcement(f"公告{number}", published_at=at("08:00") - timedelta(days=number + 1))
        assert "公告20" not in text_of(visit().get("/announcements/"))
        assert "公告20" in text_of(visit().get("/announcements/?page=2"))

    def test_news_of_a_school_is_for_its_families_only(self) -> None:
        student = builders.a_student(builders.a_class(builders.a_school()))
        news = builders.an_announcement("校內公告", school=student.school)
        mother, stranger = builders.a_guardian(student), builders.an_account()
        assert visit(mother).get(f"/announcements/{news.pk}/").status_code == 200
        assert visit(stranger).get(f"/announcements/{news.pk}/").status_code == 404
        assert "校內公告" not in text_of(visit().get("/announcements/"))

    def test_the_text_of_an_announcement_is_text(self) -> None:
        news = builders.an_announcement("<b>粗</b>")
        news.body = "<script>alert(1)</script>\n\n第二段"
        news.save()
        page = text_of(visit().get(f"/announcements/{news.pk}/"))
        assert "<script>alert" not in page
        assert "<p>第二段</p>" in page


class TestUnsubscribing:
    @pytest.fixture
    def token(self) -> str:
        student = builders.a_student(builders.a_class(builders.a_school()))
        mother = builders.a_guardian(student)
        address = Address.objects.get(account=mother)
        return signing.dumps([str(mother.pk), str(student.pk), ARRIVED, address.pk], salt=UNSUBSCRIBE_SALT)

    def test_looking_at_the_link_changes_nothing(self, token: str) -> None:
        before = Subscription.objects.count()
        assert visit().get(f"/unsubscribe/{token}/").status_code == 200
        assert Subscription.objects.count() == before

    def test_a_mail_program_unsubscribes_with_one_click_and_no_cookies(self, token: str) -> None:
        browser = visit(enforce_csrf_checks=True)
        answer = browser.post(f"/unsubscribe/{token}/", {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        topics = set(Subscription.objects.values_list("topic", flat=True))
        assert ARRIVED not in topics
        assert LEFT in topics

    def test_clicking_twice_is_as_good_as_once(self, token: str) -> None:
        for _again in range(2):
            assert visit().post(f"/unsubscribe/{token}/").status_code == 200

    def test_a_link_that_was_cut_off_says_so_and_changes_nothing(self, token: str) -> None:
        before = Subscription.objects.count()
        answer = visit().post(f"/unsubscribe/{token[:-3]}/")
        assert answer.status_code == 404
        assert Subscription.objects.count() == before

    def test_a_token_made_for_something_else_opens_nothing(self) -> None:
        forged = signing.dumps(["x", "y", ARRIVED, 1], salt="another purpose")
        assert visit().get(f"/unsubscribe/{forged}/").status_code == 404


class TestHealth:
    def test_the_process_says_it_is_alive_without_asking_the_database(
        self, django_assert_num_queries: pytest.FixtureRequest
    ) -> None:
        with django_assert_num_queries(0):  # type: ignore[operator]
            answer = visit().get("/healthz")
        assert answer.json() == {"alive": True}

    def test_ready_says_how_long_taps_and_deliveries_wait(self) -> None:
        school = builders.a_school()
        reader, _key = builders.a_reader(school)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO gates_tapqueue (shard, school_id, reader_id, nonce, uid, tapped_at, received_at)"
                " VALUES (0, %s, %s, gen_random_uuid(), '', %s, %s)",
                [school.pk, reader.pk, NOW, NOW - timedelta(seconds=90)],
            )
        answer = visit().get("/readyz")
        assert answer.status_code == 200
        assert json.loads(answer.content) == {
            "ready": True,
            "database": True,
            "migrations_missing": 0,
            "oldest_tap_seconds": 90.0,
            "oldest_delivery_seconds": None,
            "late": True,
            "loops_stopped": [],
        }

    def test_a_loop_that_stopped_is_named_and_takes_no_page_away(self) -> None:
        beats.beat("mail", every_seconds=1, now=NOW - timedelta(minutes=2))
        beats.beat("arrivals", every_seconds=1, now=NOW)
        answer = visit().get("/readyz")
        assert answer.status_code == 200
        assert (answer.json()["late"], answer.json()["loops_stopped"]) == (True, ["mail"])


class TestErrors:
    def test_an_unknown_address_has_a_page_of_ours(self) -> None:
        answer = visit().get("/no/such/page/")
        assert answer.status_code == 404
        assert "gatepost.css" in text_of(answer)

    def test_a_page_for_others_says_so_in_a_page_of_ours(self) -> None:
        answer = visit(builders.an_account()).get(reverse("bureau-today"))
        assert answer.status_code == 403
        assert "gatepost.css" in text_of(answer)

    def test_a_form_without_its_token_is_refused_in_a_page_of_ours(self) -> None:
        browser = visit(builders.an_account(), enforce_csrf_checks=True)
        answer = browser.post(reverse("address-new"), {"target": "a@example.org"})
        assert answer.status_code == 403
        assert "gatepost.css" in text_of(answer)

    def test_every_page_comes_under_the_content_security_policy(self) -> None:
        policy = visit().get("/").headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
