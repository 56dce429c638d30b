"""What there is to ask the mail catcher for.

GET    /?to=&page=            the mails, newest first
GET    /mails/<number>        one mail; …/html and …/source are its parts
POST   /clear                 delete them all (the button of the page)
GET    /api/mails?to=&limit=&offset=    the same as JSON: {"count": n, "mails": [{id, to, subject, received_at}]}
GET    /api/mails/<number>    one mail: its headers, text and HTML
DELETE /api/mails             delete them all
GET    /api/count?to=&after=  how many: {"count": n}
"""

import json
import re
from dataclasses import asdict
from typing import Any

from gatepost.up.mailbox import pages
from gatepost.up.mailbox.http import Refused, Request, Response
from gatepost.up.mailbox.letter import decoded, read_letter
from gatepost.up.mailbox.store import Caught, MailStore

PAGE_MAILS = 50
LIMIT_MAX = 1000
_MAIL = re.compile(r"(/api)?/mails/(\d{1,19})(/html|/source)?")


class Routes:
    """The application behind HttpServer."""

    def __init__(self, store: MailStore, *, zone: str) -> None:
        self._store = store
        self._zone = zone

    def __call__(self, request: Request) -> Response:
        """The answer; Refused where there is none."""
        match request.method.replace("HEAD", "GET"), request.path:
            case "GET", "/":
                return self._list(request)
            case "POST", "/clear":
                self._store.clear()
                return Response(b"", status=303, headers={"Location": "/"})
            case "GET", "/api/mails":
                return self._api_list(request)
            case "DELETE", "/api/mails":
                return _json({"deleted": self._store.clear()})
            case "GET", "/api/count":
                after = _number(request, "after", 0, most=2**63)
                return _json({"count": self._store.count(to=request.query.get("to", ""), after=after)})
            case "GET", path if found := _MAIL.fullmatch(path):
                return self._mail(int(found[2]), api=bool(found[1]), part=found[3] or "")
        raise Refused(404, "There is no such page.")

    def _list(self, request: Request) -> Response:
        to = request.query.get("to", "")
        page = _number(request, "page", 1, most=10_000, least=1)
        mails = self._store.page(to=to, offset=(page - 1) * PAGE_MAILS, limit=PAGE_MAILS)
        listing = pages.Listing(
            mails=mails,
            to=to,
            page=page,
            page_mails=PAGE_MAILS,
            found=self._store.count(to=to),
            newest=next((mail.number for mail in self._store.newest_first(to=to)), 0),
            kept=self._store.count(),
        )
        return pages.html(pages.listing(listing, zone=self._zone))

    def _mail(self, number: int, *, api: bool, part: str) -> Response:
        octets = self._store.read(number)
        if octets is None or (api and part):
            raise Refused(404, "This mail is not here any more.")
        if part == "/source":
            return Response(octets)
        letter = read_letter(octets)
        if api:
            return _json({"id": number, **asdict(letter)})
        if part == "/html":
            return pages.contents(letter)
        return pages.html(pages.letter(letter, number=number, zone=self._zone))

    def _api_list(self, request: Request) -> Response:
        to = request.query.get("to", "")
        limit = _number(request, "limit", 100, most=LIMIT_MAX)
        offset = _number(request, "offset", 0, most=10**6)
        mails = self._store.page(to=to, offset=offset, limit=limit)
        return _json({"count": self._store.count(to=to), "mails": [_line(mail) for mail in mails]})


def _line(mail: Caught) -> dict[str, Any]:
    return {
        "id": mail.number,
        "to": mail.to,
        "subject": decoded(mail.subject),
        "received_at": mail.received_at.isoformat(),
    }


def _number(request: Request, name: str, usual: int, *, most: int, least: int = 0) -> int:
    text = request.query.get(name, str(usual))
    if not re.fullmatch(r"[0-9]{1,19}", text) or not least <= int(text) <= most:
        raise Refused(400, f"{name} is a whole number from {least} to {most}.")
    return int(text)


def _json(content: Any) -> Response:
    return Response(json.dumps(content, ensure_ascii=False).encode(), content_type="application/json")
