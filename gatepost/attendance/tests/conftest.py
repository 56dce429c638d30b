import pytest

from gatepost.gates.models import Reader
from gatepost.roster.models import School, Student
from tests import builders


@pytest.fixture
def school(db: None) -> School:
    school = builders.a_school()
    builders.a_school_day(school)
    return school


@pytest.fixture
def student(school: School) -> Student:
    return builders.a_student(builders.a_class(school))


@pytest.fixture
def uid(student: Student) -> str:
    return builders.a_card(student).uid


@pytest.fixture
def reader(school: School) -> Reader:
    return builders.a_reader(school, name="2 號機")[0]
