"""What the bureau and the schools of the demonstration city have to say on the notice board."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from gatepost.announcements.models import Announcement
from gatepost.roster.models import School


class Item(NamedTuple):
    """One piece of news, `days` old; it runs out after `lasts` days if that is given."""

    days: int
    kind: str
    title: str
    body: str
    important: bool = False
    lasts: int | None = None


CITY: Final = (
    Item(
        1,
        "urgent",
        "流感升溫，發燒請在家休息",
        "近日流感病例增加。學生如有發燒，請在家休息，並於上午 8 時前告知導師。退燒滿 24 小時後再到校。",
        important=True,
        lasts=14,
    ),
    Item(
        4,
        "system",
        "到離校通知新增英文、越南文與印尼文",
        "家長可以在「帳號設定」選擇收到通知時使用的語言。通知內容不會改變，仍會寫明時間與來源。",
    ),
    Item(
        9,
        "news",
        "遺失學生證請立即掛失",
        "學生證遺失時，請先至捷運站或學校詢問，再辦理掛失。掛失後卡片立即失效，找回也不能再使用；請洽學校申請補發。",
    ),
    Item(
        16,
        "event",
        "全市親職講座：孩子上下學的路",
        "講座談通學路線、交通安全與家長接送。報名請洽各校輔導室，名額有限，額滿為止。",
    ),
    Item(
        24,
        "news",
        "收不到通知時，請先確認 Email 是否完成驗證",
        "只有完成驗證的 Email 會收到通知。請在「帳號設定」查看狀態；如果顯示停用，代表郵件曾被退回，請改用其他信箱。",
    ),
    Item(
        40,
        "system",
        "校門讀卡機檢測完成",
        "各校校門讀卡機已完成本學期檢測。讀卡機離線時，首頁會直接說明原因。",
        lasts=20,
    ),
)
SCHOOL: Final = (
    Item(
        2,
        "news",
        "流感疫苗校園接種日程",
        "請填妥接種意願書，於週五前交給導師。當天請讓孩子吃過早餐並帶健保卡。",
    ),
    Item(
        6,
        "event",
        "校慶暨運動會，歡迎家長到校",
        "當天上午 8 時 30 分開始，請由正門進入並配合換證。補假一天，日期依行事曆。",
        important=True,
    ),
    Item(
        12,
        "news",
        "請讓孩子養成到校刷卡的習慣",
        "忘記帶卡時，請孩子到學務處或向導師登記，學校會以「無卡補登」記錄，家長一樣會收到通知。",
    ),
    Item(
        3,
        "event",
        "圖書館週：帶一本書來交換",
        "活動期間中午開放交換，每人最多三本。請在書內頁寫上想對下一位讀者說的話。",
    ),
    Item(
        8,
        "news",
        "校門前人行道施工，請改由側門接送",
        "施工期間正門前不能停車。請家長在側門接送，並請孩子走行人專用道；施工預計兩週完成。",
        important=True,
        lasts=16,
    ),
    Item(
        13,
        "news",
        "第二次定期評量時間",
        "評量兩天，照常上下學。請假請於評量前一天以前辦理，補考時間由教務處另行通知。",
    ),
)
ITEMS_A_SCHOOL: Final = 3  # neighbours do not say the same


def publish(schools: Iterable[School], *, now: datetime) -> None:
    """Put the news on the boards: the city's on all, a school's on its own."""
    items = [_announcement(item, None, now) for item in CITY]
    for nth, school in enumerate(schools):
        first = nth * ITEMS_A_SCHOOL % len(SCHOOL)
        items += [_announcement(item, school, now) for item in SCHOOL[first : first + ITEMS_A_SCHOOL]]
    Announcement.objects.bulk_create(items, batch_size=2_000)


def _announcement(item: Item, school: School | None, now: datetime) -> Announcement:
    published_at = now - timedelta(days=item.days)
    return Announcement(
        school=school,
        kind=item.kind,
        title=item.title,
        body=item.body,
        important=item.important,
        published_at=published_at,
        expires_at=published_at + timedelta(days=item.lasts) if item.lasts else None,
    )
