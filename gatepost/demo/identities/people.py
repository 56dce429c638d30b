"""Who can be chosen in the simulators. Invented, with ID numbers that belong to nobody."""

from dataclasses import dataclass
from typing import Final

# Of the guardians of the cast: the demonstration's schools know them by these.
MOTHER_NUMBER: Final = "Y299000014"
FATHER_NUMBER: Final = "Y199000021"


@dataclass(frozen=True)
class Person:
    """`level`: of Taipei Pass, where "0" is somebody whose identity nobody looked at."""

    key: str
    name: str
    number: str
    level: str
    says: str
    mobile: str = ""


PEOPLE: Final = {
    one.key: one
    for one in (
        Person(
            "mother", "林雅惠", MOTHER_NUMBER, "2", "金質會員・有校門口帳號 Gold member, has an account", "0990000001"
        ),
        Person("stranger", "周佳穎", "Y299000032", "2", "金質會員・沒有帳號 Gold member, no account", "0990000003"),
        Person("basic", "許志豪", FATHER_NUMBER, "0", "一般會員・未驗證身分 Basic member", "0990000002"),
    )
}


def of_number(number: str) -> Person | None:
    """Who has an ID number."""
    return next((one for one in PEOPLE.values() if one.number == number), None)
