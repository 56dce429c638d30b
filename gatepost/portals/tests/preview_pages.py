"""Which preview page shows which samples."""

from typing import Any

from django.utils.html import format_html, format_html_join

from gatepost.portals.tests import preview_samples as samples

Page = tuple[str, dict[str, Any]]


def pages() -> dict[str, Page]:
    """Name of the page → its template and context."""
    return {
        **_public(),
        **_family(),
        **_staff(),
        **{f"error-{code}": (f"{code}.html", {}) for code in ("403", "404", "500", "403_csrf")},
    }


def _public() -> dict[str, Page]:
    frame = {"sign_in_url": "#"}
    words = format_html_join("", "<p>{}</p>", ((text,) for text in samples.ARTICLE_WORDS))
    article = {
        **samples.ARTICLE,
        "html": format_html("{}<h2>交通車</h2><p>路線與平日相同，詳見 <a href='#'>交通車時刻表</a>。</p>", words),
    }
    return {
        "front": (
            "front.html",
            {
                **frame,
                "entries": samples.ENTRIES,
                "announcements": samples.ANNOUNCEMENTS,
                "help": [{"text": text, "url": "#"} for text in ("忘記帶學生證怎麼辦", "學生證遺失", "操作說明")],
            },
        ),
        "announcement": (
            "announcement.html",
            {**frame, "article": article, "crumbs": [{"label": "首頁", "url": "#"}, {"label": "公告", "url": "#"}]},
        ),
        "signin": (
            "signin.html",
            {
                "form": samples.SignInForm(),
                "links": [{"label": "忘記密碼", "url": "#"}],
            },
        ),
        "signin-wrong": (
            "signin.html",
            {
                "form": samples.SignInForm({"login": "mother@example"}),
                "links": [{"label": "忘記密碼", "url": "#"}],
            },
        ),
    }


def _family() -> dict[str, Page]:
    def frame(current: int) -> dict[str, Any]:
        return {
            "nav": samples.nav(*samples.FAMILY_NAV, current=current),
            "person": samples.signed_in("林淑芬", "王小明、王小華的監護人"),
        }

    return {
        "home": (
            "home.html",
            {
                **frame(0),
                "ming": samples.MING,
                "hua": samples.HUA,
                "arrived": samples.ARRIVED,
                "held": samples.HELD,
                "ming_week": samples.MING_WEEK,
                "hua_week": samples.HUA_WEEK,
                "todo": samples.TODO,
                "announcements": samples.ANNOUNCEMENTS,
                "tiles": samples.TILES,
            },
        ),
        "lines": (
            "lines.html",
            {
                **frame(0),
                "ming": samples.MING,
                "lines": samples.LINES,
                "empty_actions": [{"label": "加入學生", "url": "#", "icon": "plus"}],
            },
        ),
        "child": (
            "child.html",
            {
                **frame(0),
                "place": {"name": "王小明", "detail": "雙園國小 2年01班", "url": "#"},
                "ming": samples.MING,
                "ming_week": samples.MING_WEEK,
                "events": samples.EVENTS,
                "day_meta": ["上課日", "到校截止 08:10", "放學 16:00"],
                "crumbs": [{"label": "首頁", "url": "#"}],
            },
        ),
        "settings": ("settings.html", {**frame(8), "matrix": samples.MATRIX, "addresses": samples.ADDRESSES}),
    }


def _staff() -> dict[str, Page]:
    def frame(current: int) -> dict[str, Any]:
        return {
            "place": {"name": "雙園國小", "detail": "萬華區", "url": "#"},
            "nav": samples.nav(*samples.SCHOOL_NAV, current=current, counts={3: 14}),
            "person": samples.signed_in("陳美玲", "學務處"),
        }

    bureau = {
        "place": {"name": "教育局", "detail": "雙園市", "url": "#"},
        "nav": samples.nav("全市今天", "公告", "學校"),
        "person": samples.signed_in("周立人", "教育局"),
    }
    operator = {
        "place": {"name": "系統管理", "url": "#"},
        "nav": samples.nav("系統狀況", "讀卡機", "稽核"),
        "person": samples.signed_in("何文彬", "系統管理"),
    }
    meta = ["11 月 23 日 星期一", "到校截止 08:10"]
    entry = samples.ManualEntryForm({"number": "11304", "kind": "in", "time": "25:00"})
    return {
        "today": (
            "today.html",
            {
                **frame(0),
                "today_meta": meta,
                "figures": samples.FIGURES,
                "alarm": samples.ALARM,
                "missing": samples.MISSING,
                "readers": samples.READERS,
            },
        ),
        "manual": (
            "manual.html",
            {**frame(2), "form": samples.ManualEntryForm(), "crumbs": [{"label": "今天", "url": "#"}]},
        ),
        "manual-wrong": ("manual.html", {**frame(2), "form": entry, "crumbs": [{"label": "今天", "url": "#"}]}),
        "confirm": ("confirm.html", {**frame(0), "confirm": samples.CONFIRM}),
        "parts": (
            "parts.html",
            {
                **frame(3),
                "steps": samples.STEPS,
                "compared": samples.COMPARED,
                "someone": samples.PERSON,
                "progress": samples.PROGRESS,
            },
        ),
        "city": (
            "city.html",
            {
                **bureau,
                "today_meta": meta,
                "figures": samples.FIGURES,
                "city_columns": samples.CITY_COLUMNS,
                "city_rows": samples.CITY_ROWS,
            },
        ),
        "health": (
            "health.html",
            {
                **operator,
                "health_meta": ["5 分鐘內收到 1,204 筆刷卡"],
                "health_columns": samples.HEALTH_COLUMNS,
                "health_rows": samples.HEALTH_ROWS,
                "readers": samples.READERS,
            },
        ),
    }
