from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from gatepost.access.models import Role
from gatepost.accounts.models import Account
from gatepost.attendance.models import Event
from gatepost.audit.models import Entry
from gatepost.notify.models import Delivery
from gatepost.portals.tests.visits import NOW, text_of, visit
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return builders.a_role("operator")


@pytest.fixture
def operator(account: Account) -> Any:
    return visit(account)


class TestHealth:
    def test_an_idle_platform_works(self, operator: Any) -> None:
        page = text_of(operator.get("/operator/"))
        assert page.count('data-state="done"') == 3
        assert "PostgreSQL" in page

    def test_a_queue_that_has_waited_long_needs_somebody(self, operator: Any) -> None:
        school = builders.a_school()
        reader, _key = builders.a_reader(school, heard_at=NOW)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO gates_tapqueue (shard, school_id, reader_id, nonce, uid, tapped_at, received_at)"
                " VALUES (0, %s, %s, gen_random_uuid(), '', %s, %s)",
                [school.pk, reader.pk, NOW, NOW - timedelta(minutes=5)],
            )
        page = text_of(operator.get("/operator/"))
        assert 'data-state="held"' in page

    def test_deliveries_are_counted_by_state(self, operator: Any) -> None:
        student = builders.a_student(builders.a_class(builders.a_school()))
        builders.a_guardian(student)
        builders.entered(student, Event.Side.IN, at("07:42"))
        Delivery.objects.filter(on_date=MONDAY).update(state="failed", because="refused", settled_at=NOW)
        page = text_of(operator.get("/operator/"))
        assert page.count(">1</td>") == 1
        assert "王小明" not in page

    def test_silent_readers_are_named(self, operator: Any) -> None:
        builders.a_reader(builders.a_school(), gate="北門", name="讀卡機", heard_at=at("07:31"))
        assert "北門 讀卡機" in text_of(operator.get("/operator/"))

    def test_a_reader_that_rests_is_not_called_silent(self, operator: Any) -> None:
        reader, _key = builders.a_reader(builders.a_school(), gate="北門", name="讀卡機", heard_at=at("07:31"))
        reader.rested_at = NOW
        reader.save()
        assert "北門 讀卡機" not in text_of(operator.get("/operator/"))


class TestTables:
    def test_giving_a_role_is_remembered_with_who_gave_it(self, operator: Any, account: Account) -> None:
        school, teacher = builders.a_school(), builders.an_account()
        form = {"account": str(teacher.pk), "name": "registrar", "school": str(school.pk)}
        answer = operator.post(reverse("admin:access_role_add"), form)
        assert answer.status_code == 302, text_of(answer)
        assert Role.objects.get(account=teacher).granted_by == account
        assert Entry.objects.filter(action="role:added", actor=account).exists()

    def test_a_form_is_not_filled_in_by_its_address(self, operator: Any) -> None:
        answer = operator.get(reverse("admin:access_role_add") + "?ended_at=+&name=registrar")
        assert answer.status_code == 200
        assert b'value="registrar" selected' not in answer.content

    def test_a_row_that_no_key_could_name_is_not_there(self, operator: Any) -> None:
        for key in ("%00", "2%00", "nobody"):
            answer = operator.get(f"/operator/admin/roster/district/{key}/change/")
            assert (answer.status_code, answer["Location"]) == (302, "/operator/admin/")

    def test_no_table_is_asked_for_what_is_sealed_or_digested(self, operator: Any) -> None:
        for table, field in (("guardians_restriction", "person_digest"), ("roster_student", "id_number_sealed")):
            url = reverse(f"admin:{table}_changelist")
            assert operator.get(f"{url}?{field}=abc").status_code == 400
            assert operator.get(f"{url}?{field}__startswith=abc").status_code == 400
        assert operator.get(reverse("admin:roster_student_changelist") + "?grade=2").status_code == 200

    def test_a_look_at_a_student_is_in_the_log(self, operator: Any, account: Account) -> None:
        student = builders.a_student(builders.a_class(builders.a_school()))
        operator.get(reverse("admin:roster_student_change", args=[student.pk]))
        entry = Entry.objects.get(action="student:looked")
        assert (entry.actor_id, entry.about) == (account.pk, student.pk)

    def test_the_list_of_students_shows_no_names(self, operator: Any) -> None:
        builders.a_student(builders.a_class(builders.a_school()))
        assert "王小明" not in text_of(operator.get(reverse("admin:roster_student_changelist")))

    @pytest.mark.parametrize("table", ["guardians_guardianship", "gates_reader", "cards_card", "audit_entry"])
    def test_what_rooms_write_is_read_only(self, operator: Any, table: str) -> None:
        assert operator.get(reverse(f"admin:{table}_changelist")).status_code == 200
        assert operator.get(reverse(f"admin:{table}_add")).status_code == 403

    def test_every_table_can_be_looked_at(self, operator: Any) -> None:
        from django.contrib import admin

        for model in admin.site._registry:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
            assert operator.get(reverse(name)).status_code == 200, name

    @pytest.mark.parametrize("posted", [" ", "\0", "x", "9" * 30, "-1"])
    def test_a_form_whose_choice_is_no_row_comes_back(self, operator: Any, posted: str) -> None:
        school = builders.a_school()
        chosen = {"account": posted, "school": posted, "school_class": posted, "name": "registrar"}
        assert operator.post(reverse("admin:access_role_add"), chosen).status_code == 200
        again = operator.post(reverse("admin:access_role_add"), chosen | {"school": school.pk})
        assert f'<option value="{school.pk}" selected' in again.content.decode()

    @pytest.mark.parametrize("term", ["王", "\0", " "])
    @pytest.mark.parametrize("page", ["1", "x", "9" * 30])
    def test_a_search_for_a_choice_has_an_answer(self, operator: Any, term: str, page: str) -> None:
        asked = {"app_label": "access", "model_name": "role", "field_name": "school", "term": term, "page": page}
        assert operator.get(reverse("admin:autocomplete"), asked).status_code in {200, 404}

    def test_an_address_that_names_no_field_for_its_key_means_the_key(self, operator: Any) -> None:
        url = reverse("admin:roster_school_change", args=[builders.a_school().pk])
        assert operator.get(url, {"_to_field": ""}).status_code == 200

    def test_nothing_but_a_field_of_a_form_has_choices(self, operator: Any) -> None:
        asked = {"app_label": "roster", "model_name": "school", "field_name": "staff", "term": ""}
        assert operator.get(reverse("admin:autocomplete"), asked).status_code == 403

    def test_the_role_alone_does_not_open_the_tables(self) -> None:
        account = builders.an_account()
        Role.objects.create(account=account, name="operator")
        assert visit(account).get(reverse("admin:index")).status_code == 302
