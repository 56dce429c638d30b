"""Which passwords are taken, wherever one is set."""

from datetime import date

import pytest
from zxcvbn_rs_py import zxcvbn

from gatepost.accounts import passwords
from gatepost.accounts.models import Account
from gatepost.accounts.passwords import ESTIMATED_CHARACTERS
from gatepost.portals.tests.visits import text_of, visit
from tests import builders

pytestmark = pytest.mark.django_db

OLD = "gate-and-home-1"
EASY = (
    *("1234567890", "qwertyuiop", "1qaz2wsx3edc", "abcabcabcabc", "Sunshine2019", "Password123!"),
    *("ji32k7au4a83", "ji394su3ji394su3", "Taipei2024!!", "taiwan123456", "iloveyou1314", "5201314520", "Gatepost2026"),
    *("0912-345-678", "+886 978 123 590", "０９７８１２３５９０", "(02) 2345-6789", "A123456789"),
    *("mother19840312", "林淑芬19840312", "淑芬淑芬淑芬淑芬淑芬", "mother@example.org"),
    *("王小明1070312", "109001-2018", "王小明王小明王小明!", "雙園國小雙園國小雙園"),
)
HARD = (
    "river-umbrella-42",
    "河邊雨傘四十二號店，門口",
    "correct horse battery",
    "x7#Kq!m2Vw9z",
    "我家的貓叫做四十二號雨傘",
)


@pytest.fixture
def mother() -> Account:
    account = builders.an_account("mother@example.org", name="林淑芬", password=OLD)
    child = builders.a_student(builders.a_class(builders.a_school()), "王小明")
    child.number, child.birthday = "109001", date(2018, 3, 12)
    child.save()
    return builders.a_guardian(child, account=account)


def change(account: Account, password: str, *, language: str = "en") -> str:
    Account.objects.filter(pk=account.pk).update(language=language)
    return text_of(visit(account).post("/password/", {"current": OLD, "password": password, "again": password}))


@pytest.mark.parametrize("password", EASY)
def test_what_others_would_try_first_is_refused_with_a_reason(mother: Account, password: str) -> None:
    page = change(mother, password)
    assert 'aria-invalid="true"' in page
    assert Account.objects.get().check_password(OLD)


@pytest.mark.parametrize("password", HARD)
def test_what_only_its_owner_puts_together_is_taken(mother: Account, password: str) -> None:
    change(mother, password)
    assert Account.objects.get().check_password(password)


@pytest.mark.parametrize(
    ("password", "language", "said"),
    [
        ("zxcvbnm,./asdf", "en", "Keys that lie side by side"),
        ("abcabcabcabc", "en", "Repetitions"),
        ("mother19840312", "en", "Dates"),
        ("Sunshine2019", "en", "three or four words"),
        ("Sunshine2019", "zh-hant", "三、四個"),
        ("Sunshine2019", "vi", "ba hoặc bốn từ"),
        ("Sunshine2019", "id", "tiga atau empat kata"),
        ("0978123590", "zh-hant", "電話號碼"),
    ],
)
def test_the_reason_says_what_is_better(mother: Account, password: str, language: str, said: str) -> None:
    assert said in change(mother, password, language=language)


def test_the_names_of_ones_children_are_no_secret_to_who_knows_them(mother: Account) -> None:
    """The same word is fine for somebody to whom it means nothing."""
    assert 'aria-invalid="true"' in change(mother, "王小明雙園國小109001")
    stranger = builders.an_account("stranger@example.org", password=OLD)
    change(stranger, "王小明雙園國小109001")
    assert Account.objects.get(pk=stranger.pk).check_password("王小明雙園國小109001")


def test_a_long_one_is_looked_at_no_further_than_it_takes(mother: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred figures that stand for letters would cost seconds each time."""
    looked_at: list[str] = []

    def estimate(password: str, words: list[str]) -> object:
        looked_at.append(password)
        return zxcvbn(password, words)

    monkeypatch.setattr(passwords, "zxcvbn", estimate)
    long = "4@8({[<369!1|70$5+%2" * 10
    change(mother, long)
    assert looked_at == [long[:ESTIMATED_CHARACTERS]]
    assert Account.objects.get().check_password(long)
