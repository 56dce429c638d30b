"""Invented people and days for the design preview: every component in every state."""

from typing import Any

from django import forms

from gatepost.portals.navigation import Entry

Sample = dict[str, Any]


class SignInForm(forms.Form):
    login = forms.EmailField(label="Email")
    password = forms.CharField(label="密碼", widget=forms.PasswordInput)


class ManualEntryForm(forms.Form):
    number = forms.CharField(label="學號", help_text="六碼數字，在學生證正面。")
    kind = forms.ChoiceField(label="要補登什麼", choices=[("in", "到校"), ("out", "離校")], widget=forms.RadioSelect)
    time = forms.TimeField(
        label="時間", widget=forms.TimeInput(attrs={"type": "time"}), help_text="學生實際進出校門的時間。"
    )
    gate = forms.ChoiceField(label="校門", choices=[("", "請選擇"), ("s", "南門"), ("n", "北門")])
    why = forms.CharField(
        label="原因", widget=forms.Textarea(attrs={"rows": 3}), help_text="監護人會看到「人工補登」和這個原因。"
    )
    tell = forms.BooleanField(label="照常通知監護人", required=False, help_text="過了時效的到校通知不會再發。")


def signed_in(name: str, detail: str) -> Sample:
    return {
        "name": name,
        "detail": detail,
        "links": [{"label": "帳號設定", "url": "#"}, {"label": "登入方式與裝置", "url": "#"}],
    }


def nav(*labels: str, current: int = 0, counts: dict[int, int] | None = None) -> list[Entry]:
    return [
        Entry(label, "#", current=place == current, count=(counts or {}).get(place, 0), often=place < 3)
        for place, label in enumerate(labels)
    ]


FAMILY_NAV = ("首頁", "出勤", "數位學生證", "公告", "報表", "簡訊", "訊息", "服務", "設定")
SCHOOL_NAV = (
    "今天",
    "出缺席",
    "無卡補登",
    "申請審核",
    "名冊",
    "訊息",
    "讀卡機",
    "未送達",
    "簡訊",
    "公告",
    "統計報表",
    "人員與角色",
)

WEEKDAYS = "二三四五六日一"


def week(*days: tuple[str, str] | str) -> Sample:
    """Seven days from Tuesday the 17th; a word stands for a day without times."""
    shown = [
        {
            "weekday": WEEKDAYS[place],
            "day": 17 + place,
            "today": place == 6,
            "off": day == "放假",
            "word": day if isinstance(day, str) else "",
            "arrived": "" if isinstance(day, str) else day[0],
            "left": "" if isinstance(day, str) else day[1],
            "url": "#",
        }
        for place, day in enumerate(days)
    ]
    return {"period": "11/17–11/23", "days": shown}


MING = {"name": "王小明", "detail": "雙園國小 2年01班 12號", "url": "#"}
HUA = {"name": "王小華", "detail": "雙園國中 8年03班 27號", "url": "#"}
MING_WEEK = week(("07:40", "16:02"), ("07:44", "12:10"), ("07:39", "16:05"), "請假", "放假", "放假", ("07:42", ""))
HUA_WEEK = week(("07:31", "16:44"), ("07:33", "16:40"), ("07:30", ""), ("07:35", "16:51"), "放假", "放假", ("", ""))


def line(state: str, word: str, **more: str) -> Sample:
    return {"state": state, "word": word, **more}


ARRIVED = line("arrived", "已到校", time="07:42", source="南門 2 號機刷卡", why="07:42:03 已用 Email 通知您。")
HELD = line(
    "held", "尚未到校", as_of="08:02", why="北門讀卡機自 07:31 離線，學校正在點名。點名完成前不會發出未到校通知。"
)
LINES = [
    ARRIVED,
    line("left", "已離校", time="16:02", source="南門 1 號機刷卡。07:42 到校。"),
    line("waiting", "尚未刷卡", as_of="07:35", why="校門讀卡機運作正常。到校截止時間是 08:10。"),
    HELD,
    line(
        "absent",
        "未到校",
        as_of="08:10",
        why="校門讀卡機運作正常，沒有刷卡紀錄，也沒有請假。學校正在點名確認，請和學校聯絡：02-5550-0100。",
    ),
    line("leave", "請假", source="病假，11/23 全天。王大同申請，導師已核准。"),
    line("closed", "今天不上課", source="運動會補假。下一個上課日是 11/24（二）。"),
]

ANNOUNCEMENTS = [
    {
        "date": "2026/11/23",
        "iso": "2026-11-23",
        "kind": "系統",
        "title": "11 月 28 日凌晨更換機房設備，刷卡不受影響",
        "url": "#",
        "important": True,
    },
    {"date": "2026/11/20", "iso": "2026-11-20", "kind": "健康", "title": "流感疫苗接種日程", "url": "#"},
    {"date": "2026/11/18", "iso": "2026-11-18", "kind": "行事", "title": "12 月 5 日補上課，接送時間不變", "url": "#"},
]

ENTRIES = [
    {"title": "家長與學生", "text": "看孩子到校、離校，設定通知", "url": "#", "first": True},
    {"title": "學校", "text": "今天的到校情形、點名、名冊", "url": "#"},
    {"title": "教育局", "text": "全市概況與公告", "url": "#"},
    {"title": "系統管理", "text": "讀卡機、佇列與發送", "url": "#"},
]

TODO = [
    {"tag": "請簽名", "text": "校外教學同意書", "note": "王小明", "url": "#"},
    {"tag": "星期五截止", "text": "下學期社團志願", "note": "王小華", "url": "#"},
]

TILES = [
    {"label": "請假", "url": "#", "icon": "leave"},
    {"label": "通知", "url": "#", "icon": "mail"},
    {"label": "學生證", "url": "#", "icon": "reader-on"},
    {"label": "家人", "url": "#", "icon": "person"},
]


def sent(state: str, word: str, time: str, address: str = "f***@example.tw", why: str = "") -> Sample:
    return {"channel": "Email", "address": address, "state": state, "word": word, "time": time, "why": why}


EVENTS = [
    {
        "time": "07:42",
        "state": "arrived",
        "title": "到校",
        "source": "南門 2 號機刷卡，07:42:01 收到",
        "deliveries": [
            sent("delivered", "已送達", "07:42:03"),
            sent("sent", "郵件伺服器已收下", "07:42:03", "d***@example.tw"),
        ],
    },
    {
        "time": "10:20",
        "state": "left",
        "title": "離校（提早）",
        "source": "無卡補登：陳美玲（學務處）10:24 登記",
        "note": "看牙醫，由祖母接回。",
        "deliveries": [
            sent("failed", "沒有送達", "10:24:40", why="信箱已滿。這個信箱已停用，請到通知設定換一個。"),
            sent("queued", "等待發送", "", "d***@example.tw"),
        ],
    },
    {
        "time": "13:05",
        "state": "arrived",
        "title": "返校",
        "source": "北門讀卡機刷卡，13:31 才收到（讀卡機曾離線）",
        "deliveries": [sent("dropped", "未發送", "13:31", why="已過時效：到校通知超過 30 分鐘就不再發送。")],
    },
]


def cell(event: str, channel: str, *, checked: bool = False, locked: bool = False, add: bool = False) -> Sample:
    name = f"{event}-{channel}"
    return {
        "name": name,
        "id": name,
        "channel": channel,
        "checked": checked,
        "locked": locked,
        "add_url": "#" if add else "",
    }


MATRIX = {
    "caption": "王小明",
    "channels": [
        {"label": "Email", "detail": "f***@example.tw"},
        {"label": "Email 2", "detail": "d***@example.tw"},
        {"label": "LINE"},
    ],
    "rows": [
        {
            "label": label,
            "hint": hint,
            "cells": [
                cell(key, "Email", checked=True, locked=key == "absent"),
                cell(key, "Email 2", checked=key == "absent"),
                cell(key, "LINE", add=True),
            ],
        }
        for key, label, hint in (
            ("arrived", "到校", "刷卡後一秒內"),
            ("left", "離校", "過了放學時間後的刷卡"),
            ("absent", "未到校", "學校確認資料齊全後才發，至少要留一個管道"),
        )
    ],
}

ADDRESSES = [
    {
        "channel": "Email",
        "target": "f***@example.tw",
        "state": "delivered",
        "word": "已驗證",
        "actions": [{"label": "移除", "url": "#", "kind": "plain", "about": "f***@example.tw"}],
    },
    {
        "channel": "Email",
        "target": "d***@example.tw",
        "state": "waiting",
        "word": "等待驗證碼",
        "note": "驗證碼 07:40 寄出，30 分鐘內有效。",
        "actions": [{"label": "輸入驗證碼", "url": "#"}],
    },
    {
        "channel": "Email",
        "target": "o***@example.tw",
        "state": "failed",
        "word": "已停用",
        "note": "11/20 退信：信箱不存在。",
    },
]

FIGURES = [
    {"state": "arrived", "count": "812", "label": "已到校"},
    {"state": "leave", "count": "9", "label": "請假"},
    {"state": "absent", "count": "6", "label": "未到校", "url": "#"},
    {"state": "held", "count": "31", "label": "等讀卡機資料", "url": "#"},
]

NAMES = [
    "李安安",
    "陳以樂",
    "林宇辰",
    "黃子晴",
    "張柏睿",
    "吳品妍",
    "周恩齊",
    "許家寧",
    "鄭予安",
    "蔡承恩",
    "郭芯語",
    "何東哲",
]
ALARM = {
    "title": "31 位學生的未到校通知先不發出",
    "why": "北門讀卡機自 07:31 沒有回報，這些學生平常走北門。可以先點名，或等讀卡機補送資料。",
    "names": [
        {"name": name, "detail": f"{1 + place % 6}年{1 + place % 3:02}班 {3 + place * 2}號"}
        for place, name in enumerate(NAMES)
    ],
    "actions": [
        {"label": "先點名", "url": "#"},
        {"label": "讀卡機狀況", "url": "#", "kind": "plain"},
        {"label": "仍要發出 31 則通知…", "url": "#", "kind": "quiet"},
    ],
}


def missing(name: str, detail: str, usual: str, note: str) -> Sample:
    actions = [
        {"label": "在校", "url": "#", "kind": "plain", "about": name, "method": "post"},
        {"label": "請假", "url": "#", "kind": "plain", "about": name, "method": "post"},
        {"label": "補登", "url": "#", "kind": "plain", "about": name},
    ]
    return {"name": name, "detail": detail, "usual": usual, "note": note, "url": "#", "actions": actions}


MISSING = [
    missing("李安安", "1年02班 7號", "07:35", "從未缺席"),
    missing("陳以樂", "4年01班 21號", "07:48", "姐姐已到校"),
    missing("林宇辰", "6年03班 3號", "07:55", "常忘記刷卡"),
]

READERS = [
    {"name": "南門 1", "state": "on", "word": "正常", "heard": "3 秒前", "detail": "412 筆", "url": "#"},
    {"name": "南門 2", "state": "on", "word": "正常", "heard": "8 秒前", "detail": "377 筆", "url": "#"},
    {"name": "北門", "state": "off", "word": "離線 41 分", "heard": "07:31", "detail": "23 筆", "url": "#"},
]

CITY_COLUMNS = [{"label": "學校", "sort_url": "#", "sorted": "ascending"}] + [
    {"label": label, "figure": True, "sort_url": "#"} for label in ("應到", "已到", "請假", "未到校", "保留")
]


def school(name: str, district: str, *counts: str) -> Sample:
    named = [{"text": name, "detail": district, "url": "#"}]
    return {
        "cells": named
        + [
            {"text": count, "label": column["label"], "figure": True}
            for count, column in zip(counts, CITY_COLUMNS[1:], strict=True)
        ]
    }


CITY_ROWS = [
    school("雙園國小", "萬華區", "858", "812", "9", "6", "31"),
    school("雙園國中", "萬華區", "1,204", "1,180", "21", "3", "0"),
    school("和平高中", "大安區", "1,533", "1,490", "32", "11", "0"),
]

HEALTH_COLUMNS = [{"label": "項目"}, {"label": "狀態"}, {"label": "數值", "figure": True}]
HEALTH_ROWS = [
    {
        "cells": [
            {"text": "收刷卡"},
            {"text": "正常", "state": "done", "label": "狀態"},
            {"text": "0.04 秒", "label": "數值", "figure": True},
        ]
    },
    {
        "cells": [
            {"text": "到校處理", "detail": "最舊一筆 2 秒"},
            {"text": "正常", "state": "done", "label": "狀態"},
            {"text": "佇列 12", "label": "數值", "figure": True},
        ]
    },
    {
        "cells": [
            {"text": "Email 發送", "detail": "mail.example.tw 拒絕連線"},
            {"text": "延遲", "state": "held", "label": "狀態"},
            {"text": "佇列 1,204", "label": "數值", "figure": True},
        ]
    },
]

STEPS = [
    {"label": "核對資料", "state": "done", "url": "#"},
    {"label": "同意事項", "state": "current"},
    {"label": "送出", "state": "next"},
]
COMPARED = [
    {"label": "姓名", "left": "王大同", "right": "王大同"},
    {"label": "關係", "left": "父", "right": "父"},
    {"label": "手機", "left": "0900-***-001", "right": "0900-***-007", "differs": True},
    {"label": "Email", "left": "", "right": "f***@example.tw", "differs": True},
]
PERSON = {
    "name": "王小明",
    "detail": "雙園國小 2年01班 12號",
    "url": "#",
    "state": "arrived",
    "word": "已到校",
    "facts": [
        {"label": "學號", "value": "113045"},
        {"label": "生日", "value": "2018/05/04"},
        {"label": "證號", "value": "A1******89"},
    ],
    "actions": [{"label": "看這一天", "url": "#", "kind": "plain"}],
}
CONFIRM = {
    "title": "要發出未到校通知嗎？",
    "count": 31,
    "unit": "位學生的監護人會收到 Email",
    "facts": [
        "北門讀卡機自 07:31 起沒有資料，其中可能有已到校的學生。",
        "發出後若學生補上刷卡，會自動寄出更正給同一批人。",
    ],
    "action": {"label": "發出 31 則通知", "url": "#", "kind": "danger"},
    "back_url": "#",
}
PROGRESS = {
    "label": "匯入名冊",
    "done": 412,
    "total": 858,
    "detail": "約還要 20 秒。可以離開這一頁，完成後會寄信給您。",
}
ARTICLE = {
    "title": "12 月 5 日補上課，接送時間不變",
    "date": "2026/11/18",
    "iso": "2026-11-18",
    "kind": "行事",
    "author": "雙園國小學務處",
    "html": "",
}
ARTICLE_WORDS = [
    "12 月 5 日（六）補 12 月 4 日（五）的課，全校照星期五課表上課。校門 07:00 開，到校截止 08:10，放學時間不變。",
    "當天刷卡照常，到校與離校都會通知。若孩子當天請假，請在 12 月 4 日 17:00 前從「請假」申請，"
    "導師核准後不會發出未到校通知。",
]
