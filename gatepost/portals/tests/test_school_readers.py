import re
from typing import Any

import pytest

from gatepost.audit.models import Entry
from gatepost.cards.numbers import CARD_RULES
from gatepost.gates.keys import digest
from gatepost.gates.models import Gate, Reader
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import School
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def school() -> School:
    return builders.a_school()


@pytest.fixture
def office(school: School) -> Any:
    return visit(builders.an_office(school))


def key_in(page: str) -> str:
    found = re.search(r"gpr_[\w-]+", page)
    assert found is not None
    return found[0]


def enrol(office: Any, school: School, **changes: str) -> Any:
    data = {"gate": "南門", "name": "2 號機", "card_rule": "0"} | changes
    return office.post(f"/schools/{school.code}/readers/new/", data)


class TestEnrolling:
    def test_the_key_is_shown_once_and_opens_the_gate(self, school: School, office: Any) -> None:
        answer = enrol(office, school)
        key = key_in(text_of(answer))
        reader = Reader.objects.get()
        assert bytes(reader.key_digest) == digest(key)
        assert answer.headers["Cache-Control"] == "no-store"
        assert key not in text_of(office.get(f"/schools/{school.code}/readers/{reader.pk}/"))

    def test_a_new_gate_is_made_and_an_old_one_used_again(self, school: School, office: Any) -> None:
        enrol(office, school)
        enrol(office, school, name="3 號機")
        assert Gate.objects.get().readers.count() == 2

    def test_the_same_name_twice_at_a_gate_is_refused_beside_the_field(self, school: School, office: Any) -> None:
        enrol(office, school)
        answer = enrol(office, school)
        assert 'aria-invalid="true"' in text_of(answer)
        assert Reader.objects.count() == 1

    def test_the_form_of_card_numbers_is_kept(self, school: School, office: Any) -> None:
        place = next(place for place, rule in enumerate(CARD_RULES) if rule.form == "8H10D")
        enrol(office, school, card_rule=str(place))
        assert Reader.objects.get().card_rule["form"] == "8H10D"

    @pytest.mark.parametrize("wrong", [{"gate": ""}, {"name": ""}, {"card_rule": "999"}, {"card_rule": "x"}])
    def test_what_is_missing_is_said(self, school: School, office: Any, wrong: dict[str, str]) -> None:
        assert enrol(office, school, **wrong).status_code == 200
        assert not Reader.objects.exists()


class TestOneReader:
    @pytest.fixture
    def reader(self, school: School) -> Reader:
        reader, _key = builders.a_reader(school, gate="北門", name="讀卡機", heard_at=NOW)
        return reader

    def url(self, reader: Reader, act: str = "") -> str:
        return f"/schools/{reader.school.code}/readers/{reader.pk}/{act}"

    def test_its_health_is_on_the_page(self, office: Any, reader: Reader) -> None:
        page = text_of(office.get(self.url(reader)))
        assert "北門 讀卡機" in page
        assert "08:12:40" in page

    def test_out_of_use_its_silence_is_no_fault(self, office: Any, reader: Reader) -> None:
        office.post(self.url(reader, "rest/"))
        reader.refresh_from_db()
        assert reader.rested_at == NOW
        assert Entry.objects.filter(action="reader:rested").exists()

    def test_the_same_button_returns_it_to_use(self, office: Any, reader: Reader) -> None:
        office.post(self.url(reader, "rest/"))
        office.post(self.url(reader, "rest/"))
        reader.refresh_from_db()
        assert reader.rested_at is None
        assert Entry.objects.filter(action="reader:returned").exists()

    def test_a_new_key_closes_the_old_one_after_a_confirmation(self, office: Any, reader: Reader) -> None:
        old = bytes(reader.key_digest)
        office.get(self.url(reader, "key/"))
        reader.refresh_from_db()
        assert bytes(reader.key_digest) == old
        key = key_in(text_of(office.post(self.url(reader, "key/"))))
        reader.refresh_from_db()
        assert bytes(reader.key_digest) == digest(key)

    def test_revoking_asks_first_and_is_for_good(self, office: Any, reader: Reader) -> None:
        assert 'class="card confirm"' in text_of(office.get(self.url(reader, "revocation/")))
        office.post(self.url(reader, "revocation/"))
        reader.refresh_from_db()
        assert reader.revoked_at == NOW
        assert office.get(self.url(reader)).status_code == 404
        assert office.post(self.url(reader, "key/")).status_code == 404

    def test_a_reader_of_another_school_is_not_reached_through_ones_own(self, office: Any, school: School) -> None:
        elsewhere, _key = builders.a_reader(builders.a_school())
        for act in ("", "key/", "revocation/"):
            assert office.get(f"/schools/{school.code}/readers/{elsewhere.pk}/{act}").status_code == 404
        assert office.post(f"/schools/{school.code}/readers/{elsewhere.pk}/rest/").status_code == 404
