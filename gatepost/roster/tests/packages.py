"""OneRoster packages of invented people, for tests: a few lines a file, each test says what is different."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

Row = Mapping[str, str]

_HEADERS = """
manifest: propertyName,value
orgs: sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId
academicSessions: sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear
courses: sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,orgSourcedId
classes: sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,
    termSourcedIds,subjects,subjectCodes,periods
users: sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,
    email,sms,phone,agentSourcedIds,grades,password,userMasterIdentifier,preferredGivenName,preferredMiddleName,
    preferredFamilyName,primaryOrgSourcedId,pronouns,metadata.relation
roles: sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId
enrollments: sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,
    endDate,metadata.seat
demographics: sourcedId,status,dateLastModified,birthDate,sex
"""
HEADERS: Mapping[str, Sequence[str]] = {
    name: columns.split(",")
    for name, columns in (line.split(": ") for line in _HEADERS.replace(",\n    ", ",").strip().splitlines())
}


class Package:
    """The files of a package as lists of rows, to be changed by a test and written as a zip or a folder."""

    def __init__(self, *, mode: str = "bulk") -> None:
        self.mode = mode
        self.headers = {name: list(header) for name, header in HEADERS.items()}
        self.rows: dict[str, list[dict[str, str]]] = {name: [] for name in HEADERS if name != "manifest"}
        self.absent = {"courses"}
        self.manifest: list[dict[str, str]] | None = None

    def add(self, file: str, **cells: str) -> dict[str, str]:
        """Add a row; `_` in a name stands for a dot."""
        row = {name.replace("__", "."): value for name, value in cells.items()}
        if self.mode == "delta":
            row = {"status": "active", "dateLastModified": "2026-09-01T00:00:00Z", **row}
        self.rows[file].append(row)
        return row

    def school(self, code: str, *, org: str = "") -> str:
        """An org of type school."""
        org = org or f"org-{code}"
        self.add("orgs", sourcedId=org, name=f"學校{code}", type="school", identifier=code)
        return org

    def session(self, year: str = "2027", *, id_: str = "y115") -> None:
        """The school year that ends in `year`."""
        self.add("academicSessions", sourcedId=id_, title="115學年度", type="schoolYear", schoolYear=year)

    def homeroom(self, id_: str, title: str, *, org: str, **cells: str) -> str:
        """A homeroom class."""
        values = {"courseSourcedId": "homeroom", "classType": "homeroom", "termSourcedIds": "y115", **cells}
        self.add("classes", sourcedId=id_, title=title, schoolSourcedId=org, **values)
        return id_

    def user(self, id_: str, name: str, *, role: str, org: str, **cells: str) -> dict[str, str]:
        """A user with one primary role. The first character of the name is the family's."""
        self.add("roles", sourcedId=f"role-{id_}", userSourcedId=id_, roleType="primary", role=role, orgSourcedId=org)
        values = {"enabledUser": "true", "username": id_, **cells}
        return self.add("users", sourcedId=id_, familyName=name[:1], givenName=name[1:], **values)

    def student(self, id_: str, number: str, name: str, *, org: str, **cells: str) -> dict[str, str]:
        """A student: `class_`, `seat`, `birthday`, `id_number` and `agents` go where they belong."""
        class_, seat = cells.pop("class_", ""), cells.pop("seat", "")
        birthday, id_number, agents = cells.pop("birthday", ""), cells.pop("id_number", ""), cells.pop("agents", "")
        if class_:
            self.enrol(id_, class_, seat=seat)
        if birthday:
            self.add("demographics", sourcedId=id_, birthDate=birthday)
        ids = f"{{idno:{id_number}}}" if id_number else ""
        return self.user(
            id_, name, role="student", org=org, identifier=number, userIds=ids, agentSourcedIds=agents, **cells
        )

    def enrol(self, user: str, class_: str, *, role: str = "student", seat: str = "", **cells: str) -> dict[str, str]:
        """An enrolment."""
        return self.add(
            "enrollments",
            sourcedId=f"{user}-{class_}",
            classSourcedId=class_,
            userSourcedId=user,
            role=role,
            metadata__seat=seat,
            **cells,
        )

    def texts(self) -> dict[str, str]:
        """Every file by its name."""
        names = [name for name in self.rows if name not in self.absent]
        manifest = self.manifest if self.manifest is not None else self._manifest(names)
        files = {f"{name}.csv": self._text(name, self.rows[name]) for name in names}
        return files | ({"manifest.csv": self._text("manifest", manifest)} if manifest else {})

    def write_zip(self, path: Path, *, folder: str = "", encoding: str = "utf-8") -> Path:
        """A zip at `path`, its files inside `folder`."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in self.texts().items():
                archive.writestr(f"{folder}{name}", text.encode(encoding))
        return path

    def write_folder(self, path: Path, *, encoding: str = "utf-8") -> Path:
        """A folder at `path`."""
        path.mkdir(exist_ok=True)
        for name, text in self.texts().items():
            (path / name).write_bytes(text.encode(encoding))
        return path

    def _manifest(self, names: Sequence[str]) -> list[dict[str, str]]:
        told = {"manifest.version": "1.0", "oneroster.version": "1.2"}
        told |= {f"file.{name}": self.mode if name in names else "absent" for name in self.rows}
        return [{"propertyName": name, "value": value} for name, value in told.items()]

    def _text(self, name: str, rows: Sequence[Row]) -> str:
        text = io.StringIO()
        writer = csv.DictWriter(text, self.headers[name], restval="", extrasaction="ignore", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()
