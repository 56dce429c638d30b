"""Invented people and places for tests, each in one call; what a test does not say has a sensible value.

Everything is made through the rooms' own functions where there is one, so a guardian made here can do what a
guardian can. Nothing here is random: numbers count up, so that two of a kind never collide.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from itertools import count
from uuid import uuid4

from allauth.mfa.models import Authenticator

from gatepost.access.models import Role
from gatepost.accounts import second_factor
from gatepost.accounts.models import Account, ActivationMail, Passkey
from gatepost.announcements.models import Announcement
from gatepost.attendance import entries
from gatepost.attendance.models import Event, SchoolDay
from gatepost.cards import holders
from gatepost.cards.models import Card
from gatepost.circulars import posting, writing
from gatepost.circulars.models import Circular
from gatepost.gates import keys
from gatepost.gates.models import Gate, Reader, ReaderHealth
from gatepost.guardians import bonds
from gatepost.kit.clock import at_local, local_date
from gatepost.notify import recipients, topics
from gatepost.notify.models import Address, Channel, Recipient
from gatepost.roster.models import District, School, SchoolClass, SchoolYear, Staff, Stage, Student

MONDAY = date(2026, 11, 23)  # the day tests are on unless they say otherwise
ZONE = "Asia/Taipei"
GRADES = range(1, 13)
APP_SECRET = "GATEPOSTGATEPOSTGATEPOSTGATEPOST"  # of every authenticator app in the tests

_numbers = count(1)


def at(clock: str, day: date = MONDAY) -> datetime:
    """The moment when clocks in Taipei show `clock` ("07:42" or "07:42:03") on `day`."""
    return at_local(day, time.fromisoformat(clock), ZONE)


def a_district(
    code: str = "01", *, name: str = "松山區", name_en: str = "Songshan", postal_code: str = "105"
) -> District:
    """A district; asking for the same code twice gives the same one."""
    values = {"name": name, "name_en": name_en, "postal_code": postal_code}
    return District.objects.get_or_create(code=code, defaults=values)[0]


def a_school(
    code: str = "",
    *,
    name: str = "臺北市雙園國小",
    short_name: str = "雙園國小",
    district: District | None = None,
    in_use: bool = True,
) -> School:
    """A school that uses Gatepost, unless told not to. It has no classes, readers or school days yet."""
    return School.objects.create(
        code=code or f"9{next(_numbers):05d}",
        name=name,
        short_name=short_name,
        district=district or a_district(),
        level=Stage.ELEMENTARY,
        opened_at=at("00:00", date(2026, 8, 1)) if in_use else None,
    )


def a_class(school: School, grade: int = 2, number: int = 1, *, teacher: Staff | None = None) -> SchoolClass:
    """The class `2年01班` of this school year."""
    year, _ = SchoolYear.objects.get_or_create(
        year=115, defaults={"starts_on": date(2026, 8, 1), "ends_on": date(2027, 7, 31)}
    )
    return SchoolClass.objects.create(
        school=school,
        school_year=year,
        stage=Stage.ELEMENTARY,
        grade=grade,
        number=number,
        name=f"{grade}年{number:02d}班",
        homeroom_teacher=teacher,
    )


def a_student(school_class: SchoolClass, name: str = "王小明", *, number: str = "", seat: int | None = None) -> Student:
    """An enrolled student of `school_class`."""
    unique = next(_numbers)
    return Student.objects.create(
        school=school_class.school,
        school_class=school_class,
        stage=school_class.stage,
        grade=school_class.grade,
        number=number or f"S{unique:05d}",
        name=name,
        seat=seat if seat is not None else unique % 90 + 1,
    )


def a_school_day(
    *schools: School,
    day: date = MONDAY,
    kind: SchoolDay.Kind = SchoolDay.Kind.SCHOOL,
    grades: Iterable[int] = GRADES,
    name: str = "",
) -> None:
    """Make `day` a school day (or what `kind` says) for all grades."""
    rows = [
        SchoolDay(school=school, grade=grade, date=day, kind=kind, name=name) for school in schools for grade in grades
    ]
    SchoolDay.objects.bulk_create(rows)


def an_account(
    email: str = "", *, name: str = "林淑芬", language: str = "zh-hant", password: str | None = None
) -> Account:
    """Somebody who can sign in and nothing more (tests sign in with `client.force_login`)."""
    email = email or f"person{next(_numbers)}@example.org"
    return Account.objects.create_user(email, password, name=name, language=language)


def an_address(account: Account, target: str = "", *, proven: bool = True) -> Address:
    """An email address of `account`; its login by default."""
    return Address.objects.create(
        account=account,
        channel=Channel.EMAIL,
        target=target or account.email,
        verified_at=at("12:00", date(2026, 9, 1)) if proven else None,
    )


def a_guardian(
    *children: Student,
    account: Account | None = None,
    name: str = "林淑芬",
    language: str = "zh-hant",
    subscribed: Iterable[str] | None = None,
) -> Account:
    """A verified guardian of `children` with one proven address, subscribed there to every topic (or those named)."""
    account = account or an_account(name=name, language=language)
    address = Address.objects.filter(account=account).first() or an_address(account)
    wanted = [topic.code for topic in topics.choosable()] if subscribed is None else list(subscribed)
    for child in children:
        bonds.open_bond(account, child, relation="母", source="test", by=None, now=at("12:00", date(2026, 9, 1)))
        recipients.subscribe(account.pk, child.pk, choices=[(topic, address) for topic in wanted])
    return account


def a_recipient(account: Account, child: Student) -> Recipient:
    """The row that lets `account` be told about `child`."""
    return Recipient.objects.get(account=account, about=child.pk)


def a_role(
    name: str, *, school: School | None = None, school_class: SchoolClass | None = None, account: Account | None = None
) -> Account:
    """Somebody with the role `name` at `school`, or for a class of it, or for the whole city."""
    account = account or an_account(name="陳美玲")
    if name == "operator":
        Account.objects.filter(pk=account.pk).update(is_staff=True, is_superuser=True)
        account.refresh_from_db()
    scope = school or (school_class.school if school_class else None)
    Role.objects.create(account=account, name=name, school=scope, school_class=school_class)
    if name not in Role.BY_PASSWORD_ALONE:
        a_second_factor(account)
    return account


def a_second_factor(account: Account) -> None:
    """Set up the app of `account`, whose codes are `a_code`; nothing where it has one."""
    if not second_factor.is_set_up(account):
        then = at("12:00", date(2026, 9, 1))
        second_factor.set_up(account, APP_SECRET, _code(then), now=then)
        ActivationMail.objects.filter(account=account).delete()  # word of it was read long ago


def a_passkey(account: Account, name: str = "媽媽的手機") -> Passkey:
    """A passkey of `account` whose device nobody has: for lists, and for who must not touch it."""
    row = Authenticator.objects.create(user=account, type=Authenticator.Type.WEBAUTHN, data={"name": name})
    return Passkey.objects.create(
        account=account,
        authenticator=row,
        name=name,
        credential_id=row.pk.to_bytes(16, "big"),
        credential=b"",
        sign_count=0,
        is_synced=True,
        made_at=at("12:00", date(2026, 9, 1)),
    )


def a_code(*, now: datetime, nth: int = 0) -> str:
    """What the apps of `a_second_factor` show at `now`; `nth` gives a later one, for another sign-in."""
    return _code(now + timedelta(seconds=30 * nth))


def _code(now: datetime) -> str:
    return second_factor.code_at(APP_SECRET, int(now.timestamp()) // second_factor.PERIOD_SECONDS)


def a_teacher(school_class: SchoolClass, *, account: Account | None = None) -> Account:
    """The homeroom teacher of `school_class`."""
    return a_role("teacher", school_class=school_class, account=account)


def an_office(school: School, role: str = "student_affairs", *, account: Account | None = None) -> Account:
    """Somebody in the office of `school`: student_affairs, registrar or school_administrator."""
    return a_role(role, school=school, account=account)


def a_reader(
    school: School, *, gate: str = "南門", name: str = "", heard_at: datetime | None = None, queue: int = 0
) -> tuple[Reader, str]:
    """A reader and its key, heard from at `heard_at` (07:00 by default) with `queue` taps still to send."""
    place, _ = Gate.objects.get_or_create(school=school, name=gate)
    at_time = heard_at or at("07:00")
    reader, key = keys.enrol(place, name or f"{next(_numbers)} 號機", by=None, now=at_time)
    hear(reader, at_time, queue=queue)
    return reader, key


def hear(reader: Reader, when: datetime, *, queue: int = 0) -> None:
    """The reader spoke at `when`."""
    ReaderHealth.objects.filter(reader=reader).update(heard_at=when, sent_at=when, queue=queue)


def a_card(student: Student, uid: str = "") -> Card:
    """A card in the hands of `student` since the summer."""
    return holders.issue(student, uid or f"{next(_numbers):08X}", by=None, now=at("08:00", date(2026, 8, 31)))


def entered(
    student: Student, side: Event.Side, when: datetime, *, by: Account | None = None, now: datetime | None = None
) -> int:
    """An event entered by hand at `when`. Returns its id."""
    author = by or an_account(name="陳美玲")
    return entries.enter(
        student, side, at=when, source=Event.Source.OFFICE, by=author.pk, now=now or when + timedelta(seconds=5)
    )


def a_class_notice(
    *students: Student,
    by: Account | None = None,
    title: str = "校外教學同意書",
    asks_receipt: bool = True,
    now: datetime | None = None,
    told: bool = True,
) -> Circular:
    """A class notice to the families of `students`, current for a week; home has been told, unless not."""
    now, school = now or at("08:00"), students[0].school
    draft = writing.Draft(
        kind=Circular.Kind.NOTICE,
        title=title,
        body="星期五去動物園，請帶水壺。",
        audience={"classes": sorted({one.school_class_id for one in students if one.school_class_id})},
        form_id=uuid4(),
        asks_receipt=asks_receipt,
        until=local_date(now, ZONE) + timedelta(days=7),
    )
    author = by or an_account(name="陳美玲")
    circular = writing.write(school, draft, [one.pk for one in students], by=author, office="teacher", now=now)
    if told:
        posting.post_due(now=now)
    return circular


def a_message(*students: Student, title: str = "明天停水", now: datetime | None = None, told: bool = True) -> Circular:
    """A message from the office to the families of `students`; home has been told, unless not."""
    draft = writing.Draft(
        kind=Circular.Kind.MESSAGE, title=title, body="請自備飲用水。", audience={"all": True}, form_id=uuid4()
    )
    now, author = now or at("08:00"), an_account(name="張文傑")
    ids = [one.pk for one in students]
    circular = writing.write(students[0].school, draft, ids, by=author, office="student_affairs", now=now)
    if told:
        posting.post_due(now=now)
    return circular


def an_announcement(
    title: str = "流感疫苗接種日程",
    *,
    school: School | None = None,
    published_at: datetime | None = None,
    important: bool = False,
) -> Announcement:
    """News of the city, or of `school`."""
    return Announcement.objects.create(
        title=title,
        body="請帶健康紀錄卡。",
        school=school,
        important=important,
        published_at=published_at or at("08:00", date(2026, 11, 20)),
    )
