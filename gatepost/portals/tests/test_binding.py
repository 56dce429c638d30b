"""A family applies, page by page, as its browser would."""

import io
import json
import re
import time
from statistics import median
from typing import Any

import altcha
import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags
from PIL import Image

from gatepost.announcements.models import Announcement
from gatepost.guardians.applications import documents, entrance, letters, review
from gatepost.guardians.applications.family_access import FailedSignIn, FamilyAccess
from gatepost.guardians.applications.mailbox import Letter
from gatepost.guardians.applications.models import Applicant, Application, Consent, Desk, Document
from gatepost.portals.binding import human
from gatepost.portals.tests.visits import text_of, visit
from gatepost.roster.identity_numbers import invented
from gatepost.roster.models import School, Student
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db

NOW = at("20:00")
NUMBER = "10301123"
ID_NUMBER = invented(7)
PASSWORD = "river-umbrella-42"
MOTHER = {
    "name": "林淑芬",
    "relation": "mother_son",
    "id_number": invented(1, female=True),
    "mobile": "0912-345-678",
    "email": "mother@example.org",
}
FATHER = {
    "name": "王大同",
    "relation": "father_son",
    "id_number": invented(2),
    "mobile": "0987654321",
    "email": "father@example.org",
}


@pytest.fixture
def child() -> Student:
    school = builders.a_school()
    Desk.objects.create(school=school, contact="註冊組 02-2345-6789 轉 101")
    student = builders.a_student(builders.a_class(school), number=NUMBER)
    student.seal_id_number(ID_NUMBER, settings.KEY_RING)
    student.save()
    cache.clear()
    return student


@pytest.fixture(autouse=True)
def easy_human_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(human, "COST", 1)


def solved() -> str:
    """What a browser hands in after its work."""
    challenge = altcha.Challenge.from_dict(json.loads(human.challenge(now=NOW)))
    solution = altcha.solve_challenge(challenge)
    assert solution
    return altcha.Payload(challenge, solution).to_base64()


def sign_in(client: Client, school: School, secret: str, *, account: str = f"P{NUMBER}", **more: str) -> Any:
    form = {"account": account, "secret": secret, "human": more.get("human", "") or solved()}
    return client.post(f"/apply/{school.code}/", form)


def family(child: Student) -> Client:
    """A family that has set its password."""
    client = visit(now=NOW)
    sign_in(client, child.school, ID_NUMBER)
    client.post("/apply/password/", {"password": PASSWORD, "again": PASSWORD})
    return client


def at_people(child: Student, kind: str = "parents") -> Client:
    """A family in front of the form."""
    client = family(child)
    client.post("/apply/data/", {"answer": "correct"})
    client.post("/apply/consent/", {"binding": "agree", "services": "disagree"})
    client.post("/apply/kind/", {"kind": kind})
    return client


def typed(*people: dict[str, str], **more: str) -> dict[str, str]:
    version = str(Application.objects.get(decided_at=None, withdrawn_at=None).version)
    form = {f"p{place}-{key}": value for place, one in enumerate(people, start=1) for key, value in one.items()}
    return {"version": version, **form, **more}


def submitted(child: Student) -> Client:
    client = at_people(child)
    client.post("/apply/people/", typed(MOTHER, FATHER))
    Applicant.objects.update(email_proven_at=NOW)
    client.post("/apply/summary/", {"version": str(Application.objects.get().version)})
    return client


def said(response: Any) -> str:
    return " ".join(strip_tags(text_of(response)).split())


def picture() -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "林淑芬的祕密"
    Image.new("RGB", (60, 40), "green").save(out, "JPEG", exif=exif)
    return out.getvalue()


class TestChoosingTheSchool:
    def test_only_schools_that_opened_the_service_are_listed(self, child: Student) -> None:
        builders.a_school(name="臺北市沒有開放國小")
        page = said(visit().get("/apply/"))
        assert child.school.name in page
        assert "沒有開放" not in page

    def test_by_district_by_stage_and_by_typing(self, child: Student) -> None:
        for question in ("district=01", "stage=elementary", "q=雙園", "q=台北市雙園"):
            assert child.school.name in said(visit().get(f"/apply/?{question}")), question
        assert child.school.name not in said(visit().get("/apply/?stage=senior_high"))

    def test_a_school_without_the_service_says_so(self) -> None:
        school = builders.a_school()
        assert "尚未開放" in said(visit().get(f"/apply/{school.code}/"))

    def test_the_schools_news_stands_beside_the_form(self, child: Student) -> None:
        builders.an_announcement("親子綁定說明會", school=child.school, published_at=at("08:00"))
        told, page = Announcement.objects.get(), said(visit(now=NOW).get(f"/apply/{child.school.code}/"))
        assert told.title in page
        assert f"/announcements/{told.pk}/" not in page  # what it says is for those who belong to the school


class TestSigningIn:
    def test_the_id_number_opens_once_and_then_only_the_familys_password(self, child: Student) -> None:
        family(child)
        again = visit(now=NOW)
        assert "兩者不符" in said(sign_in(again, child.school, ID_NUMBER))
        assert sign_in(again, child.school, PASSWORD).status_code == 302

    def test_nothing_opens_before_the_password_is_set(self, child: Student) -> None:
        client = visit(now=NOW)
        sign_in(client, child.school, ID_NUMBER)
        assert client.get("/apply/data/")["Location"] == "/apply/password/"
        assert not FamilyAccess.objects.exists()

    @pytest.mark.parametrize("password", ["short", ID_NUMBER, f"school-{NUMBER}"])
    def test_a_weak_password_is_refused(self, child: Student, password: str) -> None:
        client = visit(now=NOW)
        sign_in(client, child.school, ID_NUMBER)
        assert client.post("/apply/password/", {"password": password, "again": password}).status_code == 200
        assert not FamilyAccess.objects.exists()

    def test_a_wrong_number_and_a_wrong_student_get_the_same_answer(self, child: Student) -> None:
        wrong = said(sign_in(visit(now=NOW), child.school, invented(8)))
        nobody = said(sign_in(visit(now=NOW), child.school, ID_NUMBER, account="P99999999"))
        assert wrong == nobody

    def test_whoever_is_missing_takes_as_long_as_whoever_is_wrong(self, child: Student) -> None:
        """Both ways do one look, one digest and one password hash; the medians lie together."""
        FamilyAccess.objects.create(student=child, password=make_password(PASSWORD), set_at=NOW)
        took: dict[str, list[float]] = {NUMBER: [], "99999999": []}
        queries: dict[str, set[int]] = {NUMBER: set(), "99999999": set()}
        for serial in range(12):
            for number, times in took.items():
                FailedSignIn.objects.all().delete()
                with CaptureQueriesContext(connection) as asked:
                    began = time.perf_counter()
                    with pytest.raises(entrance.EntranceRefused, match="wrong"):
                        entrance.sign_in(
                            child.school,
                            f"P{number}",
                            invented(200 + serial),
                            address="192.0.2.1",
                            ring=settings.KEY_RING,
                            now=NOW,
                        )
                    times.append(time.perf_counter() - began)
                queries[number].add(len(asked))
        assert queries[NUMBER] == queries["99999999"]
        known, unknown = (median(times) for times in took.values())
        assert 0.6 < known / unknown < 1.6

    def test_after_five_failures_the_page_says_how_long_to_wait(self, child: Student) -> None:
        client = visit(now=NOW)
        for serial in range(5):
            sign_in(client, child.school, invented(100 + serial))
        assert "15 分鐘" in said(sign_in(client, child.school, ID_NUMBER))
        assert sign_in(visit(now=at("20:16")), child.school, ID_NUMBER).status_code == 302

    def test_a_student_who_does_not_exist_is_limited_alike(self, child: Student) -> None:
        client = visit(now=NOW)
        for serial in range(5):
            sign_in(client, child.school, invented(100 + serial), account="P99999999")
        assert "15 分鐘" in said(sign_in(client, child.school, ID_NUMBER, account="P99999999"))

    def test_no_id_number_and_no_address_is_kept_with_a_failure(self, child: Student) -> None:
        sign_in(visit(now=NOW), child.school, invented(8))
        assert {len(bytes(one.key)) for one in FailedSignIn.objects.all()} == {32}

    def test_a_forgotten_password_is_set_back_by_the_school(self, child: Student) -> None:
        client = family(child)
        assert entrance.forget_password(child, by=builders.an_office(child.school, "registrar"))
        assert client.get("/apply/status/")["Location"] == "/apply/"
        assert sign_in(visit(now=NOW), child.school, ID_NUMBER).status_code == 302

    def test_after_two_hours_the_family_signs_in_again(self, child: Student) -> None:
        client = family(child)
        late = visit(now=at("22:01"))
        late.cookies = client.cookies
        assert late.get("/apply/status/")["Location"] == "/apply/"


class TestTheHumanCheck:
    def test_is_needed(self, child: Student) -> None:
        form = {"account": f"P{NUMBER}", "secret": ID_NUMBER}
        assert "請先勾選" in said(visit(now=NOW).post(f"/apply/{child.school.code}/", form))

    def test_counts_once(self, child: Student) -> None:
        answer = solved()
        sign_in(visit(now=NOW), child.school, invented(8), human=answer)
        assert "已經用過" in said(sign_in(visit(now=NOW), child.school, ID_NUMBER, human=answer))

    def test_runs_out(self, child: Student) -> None:
        answer = solved()
        assert "太久" in said(sign_in(visit(now=at("20:21")), child.school, ID_NUMBER, human=answer))

    def test_without_scripts_the_page_says_what_to_do(self, child: Student) -> None:
        page = text_of(visit(now=NOW).get(f"/apply/{child.school.code}/"))
        assert "註冊組" in page.partition("<noscript>")[2].partition("</noscript>")[0]

    def test_cannot_be_made_up(self, child: Student) -> None:
        for answer in ("x", "e30=", solved()[:-8] + "AAAAAAA="):
            assert sign_in(visit(now=NOW), child.school, ID_NUMBER, human=answer).status_code == 200


class TestTheSteps:
    def test_two_parents_apply_from_the_first_page_to_the_last(self, child: Student) -> None:
        client = submitted(child)
        assert "學校處理中" in said(client.get("/apply/status/"))
        assert sorted(Letter.objects.values_list("topic", "target")) == [
            ("received", "father@example.org"),
            ("received", "mother@example.org"),
        ]

    def test_wrong_data_says_whom_to_ask_and_goes_no_further(self, child: Student) -> None:
        client = family(child)
        assert "註冊組 02-2345-6789" in said(client.post("/apply/data/", {"answer": "wrong"}))
        assert not Application.objects.exists()

    def test_no_page_opens_before_the_one_before_it(self, child: Student) -> None:
        client = family(child)
        for page in ("consent", "kind", "people", "summary", "documents"):
            assert client.get(f"/apply/{page}/").status_code == 302, page

    def test_an_answer_is_kept_with_the_words_it_was_given_to(self, child: Student) -> None:
        at_people(child)
        kept = Consent.objects.get(purpose="binding")
        assert (kept.answer, kept.version, kept.language, kept.at) == ("agree", 1, "zh-hant", NOW)
        assert len(bytes(kept.text_hash)) == 32

    def test_no_to_what_is_necessary_is_recorded_and_ends_politely(self, child: Student) -> None:
        client = family(child)
        client.post("/apply/data/", {"answer": "correct"})
        answer = client.post("/apply/consent/", {"binding": "disagree", "services": "disagree"})
        assert "到這裡結束" in said(answer)
        assert Consent.objects.get(purpose="binding").answer == "disagree"
        assert Application.objects.get().state == "withdrawn"

    def test_consent_beyond_the_necessary_can_be_taken_back_at_once(self, child: Student) -> None:
        client = family(child)
        client.post("/apply/data/", {"answer": "correct"})
        client.post("/apply/consent/", {"binding": "agree", "services": "agree"})
        client.post("/apply/consent/end/", {"purpose": "services"})
        assert Consent.objects.get(purpose="services").withdrawn_at == NOW

    def test_half_a_form_is_saved_and_found_on_another_device(self, child: Student) -> None:
        client = at_people(child)
        client.post("/apply/people/", typed({**MOTHER, "mobile": "02"}, {"name": "王"}, later="1"))
        other = visit(now=NOW)
        sign_in(other, child.school, PASSWORD)
        page = text_of(other.get("/apply/people/"))
        assert 'value="林淑芬"' in page
        assert 'value="02"' in page
        assert MOTHER["id_number"] not in page
        assert "Y2******" in page

    def test_each_fault_stands_beside_its_field_and_nothing_is_lost(self, child: Student) -> None:
        client = at_people(child)
        wrong = {
            "name": "",
            "relation": "",
            "id_number": "A123456788",
            "mobile": "02-23456789",
            "email": "nowhere",
        }
        page = text_of(client.post("/apply/people/", typed(wrong, MOTHER)))
        for sentence in ("請填寫姓名", "請選擇與孩子的關係", "檢查碼不符", "09 開頭", "name@example.org"):
            assert sentence in page, sentence
        assert 'value="A123456788"' in page
        assert 'value="nowhere"' in page

    def test_a_page_from_before_is_not_lost_and_not_written_over(self, child: Student) -> None:
        client = at_people(child)
        old = typed(MOTHER, FATHER)
        client.post("/apply/people/", typed({**MOTHER, "name": "林淑芳"}, FATHER, later="1"))
        page = text_of(client.post("/apply/people/", old))
        assert "另一個裝置" in page
        assert 'value="林淑芬"' in page
        assert Applicant.objects.get(position=1).name == "林淑芳"

    def test_an_email_is_proven_by_the_code_that_was_sent(
        self, child: Student, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        codes: list[str] = []
        monkeypatch.setattr("gatepost.portals.binding.emails.send_code_to", lambda to, code, **more: codes.append(code))
        client = at_people(child, "parent")
        answer = client.post("/apply/people/", typed(MOTHER))
        assert answer["Location"] == "/apply/email/1/"
        client.post("/apply/email/1/", {"send": "1"})
        wrong = f"{(int(codes[-1]) + 1) % 1_000_000:06d}"
        assert "不是最近寄出的驗證碼" in said(client.post("/apply/email/1/", {"code": wrong}))
        assert client.post("/apply/email/1/", {"code": codes[-1]})["Location"] == "/apply/summary/"
        assert Applicant.objects.get().email_proven_at == NOW

    def test_an_unproven_email_cannot_be_submitted(self, child: Student) -> None:
        client = at_people(child, "parent")
        client.post("/apply/people/", typed(MOTHER))
        page = said(client.post("/apply/summary/", {"version": str(Application.objects.get().version)}))
        assert "尚未驗證" in page
        assert Application.objects.get().submitted_at is None

    def test_returned_corrected_and_submitted_again(self, child: Student) -> None:
        client = submitted(child)
        office = builders.an_office(child.school, "registrar")
        review.return_to_family(Application.objects.get(), "請更正手機號碼", by=office, now=NOW)
        assert "請更正手機號碼" in said(client.get("/apply/status/"))
        client.post("/apply/people/", typed({**MOTHER, "mobile": "0911222333", "id_number": ""}, FATHER))
        client.post("/apply/summary/", {"version": str(Application.objects.get().version)})
        assert Application.objects.get().state == "submitted"
        assert Applicant.objects.get(position=1).mobile == "0911222333"

    def test_with_the_school_nothing_can_be_changed(self, child: Student) -> None:
        client = submitted(child)
        for page in ("consent", "kind", "people", "documents", "email/1", "summary"):
            assert client.get(f"/apply/{page}/")["Location"] == "/apply/status/", page

    def test_withdrawn_and_begun_anew(self, child: Student) -> None:
        client = submitted(child)
        client.post("/apply/withdrawal/")
        assert Application.objects.get().state == "withdrawn"
        assert Consent.objects.get(purpose="binding").withdrawn_at
        client.post("/apply/data/", {"answer": "correct"})
        assert Application.objects.count() == 2

    def test_a_graduate_is_told(self, child: Student) -> None:
        client = family(child)
        Student.objects.update(study_state="graduated")
        assert "已不在這所學校" in said(client.post("/apply/data/", {"answer": "correct"}))

    def test_pages_of_a_family_stay_in_no_cache(self, child: Student) -> None:
        assert at_people(child).get("/apply/people/")["Cache-Control"] == "no-store"


class TestLetters:
    def test_a_letter_is_tried_again_until_it_is_too_late(
        self, child: Student, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(settings, "SMTP_PORT", 1)  # nobody listens there
        submitted(child)
        assert letters.send_due(now=NOW) == 2
        assert letters.send_due(now=NOW) == 0
        assert letters.send_due(now=NOW + letters.GOOD_FOR) == 2
        assert set(Letter.objects.values_list("because", "attempts")) == {("too_late", 2)}

    @pytest.mark.parametrize("language", ["zh-hant", "en", "vi", "id"])
    @pytest.mark.parametrize("topic", ["received", "returned", "refused"])
    def test_a_letter_is_written_in_every_language(self, topic: str, language: str) -> None:
        assert letters._template(topic, language).slots == frozenset()


class TestDocuments:
    def hand_in(self, client: Client, data: bytes, name: str = "paper.jpg") -> Any:
        file = io.BytesIO(data)
        file.name = name
        return client.post("/apply/documents/", {"kind": "court", "file": file})

    def test_a_picture_is_made_anew_without_its_metadata_and_sealed(self, child: Student) -> None:
        client = at_people(child, "other")
        assert self.hand_in(client, picture()).status_code == 302
        kept = Document.objects.get()
        made = documents.opened(kept, settings.KEY_RING)
        assert Image.open(io.BytesIO(made)).size == (60, 40)
        assert not Image.open(io.BytesIO(made)).getexif()
        assert made not in bytes(kept.sealed_bytes)

    def test_a_pdf_loses_its_script(self, child: Student) -> None:
        client = at_people(child, "other")
        assert self.hand_in(client, scripted_pdf()).status_code == 302
        made = documents.opened(Document.objects.get(), settings.KEY_RING)
        assert made.startswith(b"%PDF")
        assert not re.search(rb"JavaScript|OpenAction|alert", made)

    def test_what_it_is_its_bytes_say_not_its_name(self, child: Student) -> None:
        client = at_people(child, "other")
        assert "既不是圖片" in said(self.hand_in(client, b"<html>", "paper.pdf"))
        assert "既不是圖片" in said(self.hand_in(client, b"MZ" * 100, "paper.jpg"))

    def test_a_decompression_bomb_is_refused(self, child: Student) -> None:
        out = io.BytesIO()
        Image.new("1", (30_000, 30_000)).save(out, "PNG")
        assert "圖片太大" in said(self.hand_in(at_people(child, "other"), out.getvalue()))

    def test_a_torn_picture_is_refused(self, child: Student) -> None:
        out = io.BytesIO()
        Image.effect_noise((300, 300), 90).save(out, "JPEG")
        assert "無法完整讀取" in said(self.hand_in(at_people(child, "other"), out.getvalue()[:4000]))

    def test_the_same_paper_is_taken_once_and_can_be_taken_away(self, child: Student) -> None:
        client = at_people(child, "other")
        self.hand_in(client, picture())
        assert "已經有了" in said(self.hand_in(client, picture()))
        client.post("/apply/documents/", {"remove": str(Document.objects.get().pk)})
        assert not Document.objects.exists()


def scripted_pdf() -> bytes:
    """A page with a script that runs when it is opened."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj%b endobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    return (
        out
        + b"xref\n0 4\n0000000000 65535 f \n"
        + table
        + b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % start
    )
