from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from gatepost.access import queries
from gatepost.access.commands import link_for, operator
from gatepost.accounts import second_factor
from gatepost.accounts.models import Account, ActivationMail
from gatepost.portals.tests.test_people import BOTH, EMAIL, set_up
from gatepost.portals.tests.visits import NOW, visit
from tests import builders

pytestmark = pytest.mark.django_db


def test_the_first_operator_comes_in_by_a_printed_link_and_shows_a_second_factor() -> None:
    browser = visit()
    link = urlsplit(link_for(EMAIL, "李建宏", now=NOW)).path
    assert browser.get(link).headers["Location"] == "/activate/"
    assert browser.post("/activate/", BOTH).headers["Location"] == "/sign-in/second-factor/"
    assert browser.get("/operator/admin/").status_code == 302
    set_up(browser)
    assert browser.get("/operator/").status_code == 200
    assert browser.get("/operator/admin/").status_code == 200
    assert visit().get(link).status_code == 410


def test_no_mail_brings_that_link() -> None:
    link_for(EMAIL, "李建宏", now=NOW)
    assert not ActivationMail.objects.exclude(due_at=None).exists()


def test_the_command_prints_it() -> None:
    answer = CliRunner().invoke(operator, ["invite", EMAIL, "--name", "李建宏"])
    assert answer.exit_code == 0
    assert "/activate/" in answer.output


def test_a_superuser_without_the_role_opens_nothing() -> None:
    account = Account.objects.create_superuser("root@example.org", "gate-and-home-1")
    assert visit(account).get("/operator/admin/").status_code == 403


def test_an_operator_with_a_lost_device_is_helped_at_the_machine() -> None:
    account = builders.a_role("operator")
    answer = CliRunner().invoke(operator, ["second-factor-off", account.email])
    assert answer.exit_code == 0, answer.output
    assert not second_factor.is_set_up(account)


def test_so_is_a_guardian_whom_nobody_stands_above() -> None:
    account = builders.a_guardian(builders.a_student(builders.a_class(builders.a_school())))
    builders.a_second_factor(account)
    assert CliRunner().invoke(operator, ["second-factor-off", account.email]).exit_code == 0
    assert not second_factor.is_set_up(account)


def test_nobody_else_is() -> None:
    account = builders.a_role("bureau_officer")
    answer = CliRunner().invoke(operator, ["second-factor-off", account.email])
    assert answer.exit_code == 1
    assert second_factor.is_set_up(account)
    assert queries.role_names(account) == {"bureau_officer"}
