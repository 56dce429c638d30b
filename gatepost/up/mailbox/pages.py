"""How the caught mails look: in Traditional Chinese, with a word of English beside it, first of all on a phone.

Everything a mail says is escaped. Its HTML is shown in a frame of its own in which nothing runs and nothing is
fetched.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from html import escape
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from gatepost.up.mailbox.http import Response
from gatepost.up.mailbox.letter import Letter, decoded
from gatepost.up.mailbox.look import MARK, SCRIPT, STYLE
from gatepost.up.mailbox.store import Caught, received_at

# A link in a mail (an activation, say) can be followed, in a tab of its own.
_FRAME_MAY = "allow-popups allow-popups-to-escape-sandbox"
_URL = re.compile(r"https?://[^\s<>\"'，。；）」]+")
_HEAD = re.compile(r"(?:\s*<!doctype[^>]*>)?(?:\s*<html[^>]*>)?(?:\s*<head[^>]*>)?", re.IGNORECASE)


def _hash(content: str) -> str:
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


_PAGE_POLICY = (
    f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; connect-src 'self'; img-src data:; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_LETTER_POLICY = (
    f"sandbox {_FRAME_MAY}; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "frame-ancestors 'self'"
)


@dataclass(frozen=True)
class Listing:
    """One page of the list. `found` mails match `to`, `newest` is the number of the last of them; `kept` are in all."""

    mails: Sequence[Caught]
    to: str
    page: int
    page_mails: int
    found: int
    newest: int
    kept: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.found // self.page_mails))


def html(page: str) -> Response:
    """A page of ours."""
    return Response(page.encode(errors="replace"), content_type="text/html; charset=utf-8", policy=_PAGE_POLICY)


def contents(letter: Letter) -> Response:
    """The HTML of a mail, for the frame."""
    content = letter.html or ""
    head = _HEAD.match(content)
    at = head.end() if head else 0
    framed = f'{content[:at]}<base target="_blank">{content[at:]}'
    return Response(framed.encode(errors="replace"), content_type="text/html; charset=utf-8", policy=_LETTER_POLICY)


def listing(shown: Listing, *, zone: str) -> str:
    """The list of mails."""
    return _page(
        "示範信箱",
        f"""
<h1>示範信箱 <span lang="en">Demonstration mailbox</span></h1>
<p class="quiet">示範環境寄出的信都收在這裡，沒有一封會真的寄到外面。<br>
<span lang="en">Every mail of the demonstration ends here. None leaves this machine.</span></p>
<form class="find" action="/" role="search"><label for="to">收件人 <span lang="en">Recipient</span></label>
<div><input id="to" name="to" type="search" value="{escape(shown.to)}" autocapitalize="none" spellcheck="false" \
placeholder="mother@example.org"><button>尋找</button></div></form>
{_summary(shown)}
{_news(shown.to, shown.newest)}
{_mails(shown, zone)}
{_pager(shown)}
{_about(shown.kept)}""",
    )


def letter(shown: Letter, *, number: int, zone: str) -> str:
    """One mail."""
    subject = shown.subject or "（沒有主旨）"
    frame = f'<iframe class="mail" title="信件內容" sandbox="{_FRAME_MAY}" src="/mails/{number}/html"></iframe>'
    received = _time(received_at(number), zone, "%Y/%m/%d %H:%M:%S")
    headers = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in shown.headers)
    return _page(
        subject,
        f"""
<p class="back"><a href="/">← 全部信件 <span lang="en">All mails</span></a></p>
<h1>{escape(subject)}</h1>
<dl class="facts"><div><dt>寄件人 <span lang="en">From</span></dt><dd>{escape(shown.sender)}</dd></div>
<div><dt>收件人 <span lang="en">To</span></dt><dd>{escape(shown.to)}</dd></div>
<div><dt>收到時間 <span lang="en">Received</span></dt><dd class="num">{received}</dd></div></dl>
{frame if shown.html is not None else ""}
<h2>純文字 <span lang="en">Text</span></h2>
<pre class="text">{_linked(shown.text) or "（沒有純文字的部分）"}</pre>
<details><summary>標頭 <span lang="en">Headers</span></summary><dl class="headers">{headers}</dl></details>
<p><a href="/mails/{number}/source">原始內容 <span lang="en">Source</span></a></p>""",
    )


def _page(title: str, main: str) -> str:
    return f"""<!doctype html><html lang="zh-Hant"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>
<link rel="icon" href="data:image/svg+xml,{quote(MARK)}"><style>{STYLE}</style></head>
<body><header class="top"><a href="/">{MARK}<b>校門口</b></a><span>示範信箱</span></header><main>{main}</main>
<script>{SCRIPT}</script></body></html>
"""


def _summary(shown: Listing) -> str:
    if not shown.kept:
        return ""
    if not shown.to.strip():
        return f'<p class="quiet num">共 {shown.kept:,} 封，最新的在最上面。</p>'
    everything = f'<a href="/">看全部 {shown.kept:,} 封</a>'
    return f'<p class="quiet num">寄給「{escape(shown.to)}」的有 {shown.found:,} 封。{everything}</p>'


def _news(to: str, newest: int) -> str:
    """Where a script may say that there are new mails. Without it the page is read again by hand."""
    count = escape("/api/count?" + urlencode({"to": to, "after": newest}))
    link = f'<a id="news" class="news" href="{escape(_href(to, 1))}" data-count="{count}" hidden></a>'
    return f'<p role="status">{link}</p>'


def _mails(shown: Listing, zone: str) -> str:
    if not shown.kept:
        return """<div class="empty"><p><b>還沒有信</b></p>
<p>有人刷卡，家長的到校通知就會出現在這裡。想一次看到很多封，請執行：</p>
<p><code>gatepost simulate morning</code></p></div>"""
    if not shown.mails:
        return '<div class="empty"><p><b>這裡沒有信</b></p><p>換一個收件人，或回到 <a href="/">全部信件</a>。</p></div>'
    return f'<ul class="list">{"".join(_line(mail, zone) for mail in shown.mails)}</ul>'


def _line(mail: Caught, zone: str) -> str:
    subject = escape(decoded(mail.subject) or "（沒有主旨）")
    at = _time(mail.received_at, zone, "%m/%d %H:%M:%S")
    meta = f'<span class="to">{escape(mail.to)}</span><span class="num">{at}</span>'
    return f'<li><a href="/mails/{mail.number}"><b>{subject}</b><span class="meta">{meta}</span></a></li>'


def _pager(shown: Listing) -> str:
    if shown.pages == 1:
        return ""
    newer, older = escape(_href(shown.to, shown.page - 1)), escape(_href(shown.to, shown.page + 1))
    back = f'<a href="{newer}" rel="prev">較新</a>' if shown.page > 1 else "<span></span>"
    on = f'<a href="{older}" rel="next">較舊</a>' if shown.page < shown.pages else "<span></span>"
    where = f"<span>第 {shown.page} 頁，共 {shown.pages} 頁</span>"
    return f'<nav class="pager num" aria-label="分頁">{back}{where}{on}</nav>'


def _about(kept: int) -> str:
    return f"""<section class="about">
<details><summary>怎麼示範退信 <span lang="en">Showing a bounce</span></summary>
<p>不論網域，這個信箱都會拒收下面兩種收件人：</p>
<dl class="facts"><div><dt><code>unknown@…</code></dt>
<dd>550 5.1.1：沒有這個信箱。這個地址會停用，家長會從別的管道得知。</dd></div>
<div><dt><code>full@…</code></dt><dd>452 4.2.2：信箱已滿。過一會兒再試，直到訊息過期為止。</dd></div></dl></details>
{_clear(kept) if kept else ""}</section>"""


def _clear(kept: int) -> str:
    return f"""<details><summary>清空信箱 <span lang="en">Clear</span></summary>
<form method="post" action="/clear"><p>會刪除這裡的 {kept:,} 封信，無法復原。</p>
<button class="danger">刪除 {kept:,} 封信</button></form></details>"""


def _href(to: str, page: int) -> str:
    query = {name: value for name, value in (("to", to), ("page", str(page))) if value and value != "1"}
    return "/?" + urlencode(query) if query else "/"


def _time(at: datetime, zone: str, form: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f'<time datetime="{local.isoformat(timespec="seconds")}">{local.strftime(form)}</time>'


def _linked(text: str) -> str:
    pieces, end = [], 0
    for found in _URL.finditer(text):
        url = escape(found[0])
        link = f'<a href="{url}" target="_blank" rel="noopener noreferrer">{url}</a>'
        pieces += [escape(text[end : found.start()]), link]
        end = found.end()
    return "".join([*pieces, escape(text[end:])])
