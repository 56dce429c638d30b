"""A Monday morning, 08:12:40: two schools, a family, and something of everything that a page can show."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from gatepost.accounts.models import Account
from gatepost.attendance import arrivals, leaves, sweep
from gatepost.attendance.models import Event, Leave, Rules, SchoolDay
from gatepost.attendance.tests.taps import tapped
from gatepost.gates.models import Reader
from gatepost.notify.models import Delivery
from gatepost.roster.models import School, Student
from tests import builders
from tests.builders import MONDAY, at

NOW = at("08:12:40")
PASSWORD = "the-gate-opens-at-7"

NAMES = [
    *("李安安", "陳以樂", "林宇辰", "張品妍", "黃子涵", "吳承恩", "劉采潔", "蔡柏翰"),
    *("楊詠晴", "許家豪", "鄭雨彤", "謝宗翰", "郭思妤", "洪士傑", "曾心怡", "邱俊宇"),
    *("廖芷若", "賴冠廷", "周佩珊", "葉書豪", "蘇怡君", "莊凱文", "江語晨", "何景行"),
]


@dataclass
class Scene:
    """Who and what the walks speak of."""

    school: School
    other_school: School
    ming: Student
    hua: Student
    guardian: Account
    teacher: Account
    office: Account
    administrator: Account
    bureau: Account
    operator: Account
    stranger: Account
    silent: Reader


def set_scene() -> Scene:
    """Make the morning. Sweeps are asked, taps are followed, mails count as taken by the server."""
    district = builders.a_district("37", name="萬華區", name_en="Wanhua", postal_code="108")
    school = builders.a_school("373602", name="臺北市萬華區雙園國民小學", short_name="雙園國小", district=district)
    other = builders.a_school("373501", name="臺北市立雙園國民中學", short_name="雙園國中", district=district)
    for one, cutoff in ((school, time(8, 10)), (other, time(8, 0))):
        Rules.objects.create(school=one, cutoff=cutoff, leave_from=time(15, 50))
        _calendar(one)
    second = builders.a_class(school, 2, 1)
    fourth = builders.a_class(school, 4, 3)
    eighth = builders.a_class(other, 8, 3)
    ming = builders.a_student(second, "王小明", number="113021", seat=12)
    hua = builders.a_student(eighth, "王小華", number="112308", seat=27)
    classmates = [builders.a_student(second, name, seat=i + 1) for i, name in enumerate(NAMES[:11])]
    others = [builders.a_student(fourth, name, seat=i + 1) for i, name in enumerate(NAMES[11:])]
    south, _ = builders.a_reader(school, gate="南門", name="1 號機")
    south2, _ = builders.a_reader(school, gate="南門", name="2 號機")
    north, _ = builders.a_reader(other, gate="北門", name="1 號機")
    guardian = _person("guardian@example.org", "林淑芬")
    builders.a_guardian(ming, hua, account=guardian)
    teacher = builders.a_teacher(second, account=_person("teacher@example.org", "陳美玲"))
    scene = Scene(
        school,
        other,
        ming,
        hua,
        guardian,
        teacher,
        builders.an_office(school, account=_person("office@example.org", "張文傑")),
        builders.an_office(school, "school_administrator", account=_person("admin@example.org", "周志明")),
        builders.a_role("bureau_officer", account=_person("bureau@example.org", "黃淑貞")),
        builders.a_role("operator", account=_person("operator@example.org", "李建宏")),
        _person("stranger@example.org", "許文彬"),
        north,
    )
    _past_week(ming, south2)
    _past_week(hua, north)
    _this_morning(scene, [ming, *classmates], others, south, south2)
    _news(scene)
    return scene


def _person(email: str, name: str) -> Account:
    return builders.an_account(email, name=name, password=PASSWORD)


def _calendar(school: School) -> None:
    for back in range(14):
        day = MONDAY - timedelta(days=back)
        if day.isoweekday() <= 5:
            builders.a_school_day(school, day=day)
    builders.a_school_day(school, day=date(2026, 12, 25), kind=SchoolDay.Kind.HOLIDAY, name="行憲紀念日")


def _past_week(student: Student, reader: Reader) -> None:
    card = builders.a_card(student)
    for back, (came, went) in {
        6: ("07:40", "16:02"),
        5: ("07:44", "16:10"),
        4: ("07:39", "16:05"),
        3: ("07:41", ""),
    }.items():
        day = MONDAY - timedelta(days=back)
        for clock in filter(None, (came, went)):
            tapped(reader, card.uid, at(clock, day))
    _follow(NOW - timedelta(days=2))


def _this_morning(scene: Scene, second: list[Student], fourth: list[Student], south: Reader, south2: Reader) -> None:
    tapped(south2, scene.ming.cards.get().uid, at("07:42"))
    for index, student in enumerate(second[1:8] + fourth[:6]):
        card = builders.a_card(student)
        tapped(south if index % 2 else south2, card.uid, at("07:30") + timedelta(minutes=index))
    _follow(at("07:50"))
    builders.entered(fourth[6], Event.Side.IN, at("07:55"), by=scene.office)
    leaves.grant(fourth[7], first=MONDAY, last=MONDAY, kind=Leave.Kind.SICK, by=scene.teacher, now=at("07:20"))
    for reader in (south, south2):
        builders.hear(reader, at("08:12:30"))
    builders.hear(scene.silent, at("07:31"))
    sweep.sweep_due(now=at("08:10:30"))
    settled = {"state": "sent", "settled_at": at("07:42:03")}
    Delivery.objects.filter(state="queued").update(**settled)


def _follow(now: datetime) -> None:
    while arrivals.follow_taps(now=now):
        pass


def _news(scene: Scene) -> None:
    builders.an_announcement("11 月 28 日凌晨更換機房設備，刷卡不受影響", important=True)
    builders.an_announcement("流感疫苗接種日程", school=scene.school)
    builders.an_announcement("12 月 5 日補上課，接送時間不變", published_at=at("09:00", date(2026, 11, 18)))
