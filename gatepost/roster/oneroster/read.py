"""One OneRoster package, from its files to the incoming tables."""

from django.db.models import Q

from gatepost.roster import roc_dates
from gatepost.roster.imports.cells import PersonCells
from gatepost.roster.imports.faults import Fault, Faults
from gatepost.roster.imports.files import package_files
from gatepost.roster.imports.plan import Found, Request
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.imports.stage import Pouch, Stage
from gatepost.roster.models import Import, School
from gatepost.roster.oneroster import columns, delta, guardians
from gatepost.roster.oneroster.package import Package
from gatepost.roster.oneroster.people import People
from gatepost.roster.oneroster.roles import (
    EnrollmentReader,
    RoleReader,
    read_birthdays,
    said_of_students_without_class,
    tell_roles_of_nobody,
)
from gatepost.roster.oneroster.structure import Classes, ClassReader, Orgs, read_orgs, read_years
from gatepost.roster.oneroster.users import UserReader


def read_package(request: Request, stage: Stage, pouch: Pouch, faults: Faults) -> Found:
    """Read the zip or folder at `request.path`. Raises `ImportRefused` when it is no package that can be read."""
    with package_files(request.path) as files:
        package = Package(files, faults, told=request.encoding, progress=request.progress)
        if not package.has("users"):
            raise ImportRefused("not_roster")
        return _Reading(request, package, stage, pouch, faults).found()


class _Reading:
    """The files in the order in which one needs the other."""

    def __init__(self, request: Request, package: Package, stage: Stage, pouch: Pouch, faults: Faults) -> None:
        self._request = request
        self._package = package
        self._stage = stage
        self._pouch = pouch
        self._faults = faults
        self._without_school: dict[str, int] = {}
        self._people = People(said_of_students_without_class(package))

    def found(self) -> Found:
        """Read everything."""
        orgs = self._orgs()
        years = read_years(self._package, self._faults)
        year = self._year(years)
        classes = self._classes(orgs, years, year)
        schools = sorted({school.pk for school in orgs.schools.values()})
        self._read_people(orgs, classes, schools)
        return Found(
            form=Import.Form.ONEROSTER,
            year=year,
            bulk=self._package.bulk,
            people_file="users.csv",
            number_column="identifier",
            identity_column="userIds",
            grade_column="grades",
            stage=self._stage,
            pouch=self._pouch,
            faults=self._faults,
            schools=schools,
            files=self._package.files_read(),
            orgs={org: school.pk for org, school in orgs.schools.items()},
            staff=True,
            without_school=self._without_school,
        )

    def _orgs(self) -> Orgs:
        known: dict[str, int] = {}
        if not self._package.bulk:
            known = _orgs_of_last_import(self._request.school)
        return read_orgs(self._package, self._faults, only=self._request.school, known=known)

    def _year(self, years: dict[str, int]) -> int:
        """The year that was asked for, the present one if the package has it or names none, or else its newest."""
        present = roc_dates.school_year_of(self._request.today)
        if self._request.year:
            return self._request.year
        return present if not years or present in years.values() else max(years.values())

    def _classes(self, orgs: Orgs, years: dict[str, int], year: int) -> Classes:
        reader = ClassReader(orgs, years, year, self._faults)
        classes = reader.read(self._package)
        if not self._package.bulk:
            reader.add_known()
        elif classes.numbers and not self._package.has("academicSessions"):
            self._faults.add(Fault("academicSessions.csv", 1, "", "session_missing", about=str(year)))
        return classes

    def _read_people(self, orgs: Orgs, classes: Classes, schools: list[int]) -> None:
        package, people, stage = self._package, self._people, self._stage
        for name, described in guardians.TABLES.items():
            stage.make(name, described)
        roles_file = "roles.csv" if package.has("roles") else "users.csv"
        RoleReader(package, people, orgs, self._cells(roles_file), self._faults).read()
        read_birthdays(package, people, self._cells("demographics.csv"))
        enrolment_cells = self._cells("enrollments.csv")
        EnrollmentReader(package, people, classes, enrolment_cells).read()
        if not package.bulk:
            self._name_users()
            delta.recognise(people, classes, schools, enrolment_cells)
        self._read_users(classes)
        complete = package.bulk and package.has("enrollments")
        stage.copy("incoming_class", classes.staged(complete=complete))
        self._set_aside_twice()
        guardians.link(stage)
        if not package.bulk:
            delta.add_students_not_listed(stage, people, classes)
            delta.add_guardians_alone(stage, schools)
        elif package.has("roles") and tell_roles_of_nobody(package, people, self._cells("roles.csv")):
            self._faults.unsure = True
        for table in ("incoming_student", "incoming_staff"):
            stage.run(f"ANALYZE {table}")

    def _read_users(self, classes: Classes) -> None:
        reader = UserReader(
            self._stage,
            self._cells("users.csv"),
            self._faults,
            people=self._people,
            classes=classes,
            complete=self._package.bulk,
        )
        reader.read(self._package.needed("users", columns.USERS, ("sourcedId", "givenName", "familyName")))
        self._without_school = reader.without_school

    def _name_users(self) -> None:
        """Everybody in users.csv has a place, whatever else the package tells; its faults are found afterwards."""
        for _line, _intact, cells in self._package.needed(
            "users", columns.USERS, ("sourcedId", "givenName", "familyName"), faults=Faults()
        ):
            if cells[0]:
                self._people.place(cells[0])

    def _set_aside_twice(self) -> None:
        """Whoever stands on two lines, or at two schools, is taken from neither."""
        twice = self._people.twice
        if not twice:
            return
        sources = [source for source, place in self._people.index.items() if place in twice]
        for table in ("incoming_student", "incoming_staff", "or_guardian"):
            statement = f"UPDATE {table} SET bad = true WHERE source_id = ANY(%(sources)s)"  # noqa: S608
            self._stage.run(statement, {"sources": sources})

    def _cells(self, file: str) -> PersonCells:
        return PersonCells(file, self._faults, self._pouch, self._request.today)


def _orgs_of_last_import(school: School | None) -> dict[str, int]:
    """What the orgs of the last package are to us. Raises `ImportRefused` (delta_first) if there was none."""
    applied = Import.objects.filter(form=Import.Form.ONEROSTER, applied_at__isnull=False, undone_at=None)
    of_school = Q(school=None) | Q(school=school) if school else Q(school=None)
    newest = applied.filter(of_school).exclude(orgs={}).order_by("-applied_at").first()
    if newest is None:
        raise ImportRefused("delta_first")
    return dict(newest.orgs)
