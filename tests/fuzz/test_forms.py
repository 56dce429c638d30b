"""Every address, as everybody: whatever is in the address, the form, the headers or the cookies, there is a page.

The forms are those that the pages show: a page is read first, then its fields come back with nonsense in some.
"""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.http import HttpResponseBase
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import reverse
from hypothesis import strategies as st

from gatepost.portals.tests.test_doors import City, addresses, table
from gatepost.portals.tests.test_doors import city as city
from gatepost.portals.tests.visits import visit
from tests.fuzz import nonsense
from tests.fuzz.conftest import Fuzz

pytestmark = pytest.mark.django_db

# One of each kind: what opens for another of the same kind opens in the same way.
PEOPLE = ("anonymous", "guardian", "teacher", "administrator", "bureau", "operator")
Fields = dict[str, list[str]]


class Forms(HTMLParser):
    """The fields of a page's forms that are sent with POST, with a value a browser would send."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Fields] = []
        self._fields: Fields | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields = {} if told.get("method", "").lower() == "post" else None
            self.found += [self._fields] if self._fields is not None else []
        elif self._fields is None:
            return
        elif tag == "select":
            self._select = told.get("name", "")
        elif tag == "option" and self._select:
            self._fields.setdefault(self._select, []).append(told.get("value", ""))
        elif tag in {"input", "textarea", "button"} and told.get("name"):
            self._fields.setdefault(told["name"], []).append(told.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""


def test_every_address_answers_whatever_stands_in_it(city: City, fuzz: Fuzz) -> None:
    people = {who: visit(city.people[who]) for who in PEOPLE}

    def answers(
        who: str, place: tuple[str, str], broken: list[tuple[int, str]], query: list[tuple[str, str]], headers: Any
    ) -> None:
        look(people[who], "GET", f"{spoilt(place[1], broken)}?{urlencode(query)}", headers=headers)

    fuzz(
        60,
        4_000,
        who=st.sampled_from(PEOPLE),
        place=st.sampled_from(urls(city)),
        broken=st.just([]) | st.lists(st.tuples(st.integers(0, 9), nonsense.texts), max_size=2),
        query=st.lists(st.tuples(nonsense.names | nonsense.texts, nonsense.texts), max_size=3),
        headers=st.just({}) | st.dictionaries(st.sampled_from(HEADERS), nonsense.texts.map(headable), max_size=3),
    )(answers)


def test_every_form_answers_whatever_is_filled_in(city: City, fuzz: Fuzz) -> None:
    people = {who: visit(city.people[who]) for who in PEOPLE}
    forms = [(who, url, form) for who in PEOPLE for url in posted_by(city, who) for form in forms_at(people[who], url)]
    assert len({url for _who, url, _form in forms}) > 15, "the pages show their forms no more"

    def answers(form: tuple[str, str, Fields], choices: list[int], wrong: list[Any], how: str) -> None:
        who, url, fields = form
        values = {name: [offered[choices[n % 4] % len(offered)]] for n, (name, offered) in enumerate(fields.items())}
        for at, value in wrong:
            values[list(values)[at % len(values)]] = value
        look(people[who], "POST", url, **body(values, how))

    fuzz(
        100,
        6_000,
        form=st.sampled_from(forms),
        choices=st.lists(st.integers(0, 30), min_size=4, max_size=4),
        wrong=st.lists(st.tuples(st.integers(0, 30), st.lists(nonsense.texts, max_size=3)), max_size=3),
        how=st.sampled_from(("urlencoded", "urlencoded", "multipart", "file")),
    )(answers)


def test_a_body_that_is_no_form_has_an_answer(city: City, fuzz: Fuzz) -> None:
    people = {who: visit(city.people[who]) for who in PEOPLE}
    known = urls(city)

    def answers(who: str, place: tuple[str, str], method: str, content: bytes, kind: str) -> None:
        look(people[who], method, place[1], data=content, content_type=kind)

    fuzz(
        40,
        2_000,
        who=st.sampled_from(PEOPLE),
        place=st.sampled_from(known),
        method=st.sampled_from(("POST", "POST", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "BREW")),
        content=st.binary(max_size=200) | st.sampled_from(BODIES),
        kind=st.sampled_from(KINDS),
    )(answers)


# Services post to these, without a browser or with one of theirs; none does anything in the name of its session.
BY_SERVICES = (
    "sso-token",
    "sso-userinfo",
    "sso-revocation",
    "sso-introspection",
    "sso-end-session",
    "sso-end-session-slash",
)


def test_a_form_without_its_token_is_refused_with_a_page(city: City) -> None:
    no_forms = {reverse("unsubscribe", args=[city.arguments["token"]])}  # mail programs post it, RFC 8058
    no_forms |= {reverse(name) for name in BY_SERVICES}
    for who in PEOPLE:
        client = visit(city.people[who], enforce_csrf_checks=True)
        for url in posted_by(city, who):
            if url not in no_forms:
                assert look(client, "POST", url, data=b"x=\xff", content_type=KINDS[0]).status_code in {302, 403, 404}


def test_the_tables_answer_whatever_stands_in_their_addresses(city: City, fuzz: Fuzz) -> None:
    client = visit(city.people["operator"])
    models = [model._meta for model in admin.site._registry]

    def answers(model: int, what: str, pk: str, query: list[tuple[str, str]], field: str, value: str) -> None:
        meta = models[model % len(models)]
        place = f"/operator/admin/{meta.app_label}/{meta.model_name}/"
        url = place + {"list": "", "add": "add/", "one": f"{quote(pk, safe='')}/change/"}[what] + f"?{urlencode(query)}"
        look(client, "GET", url)
        if what == "add":
            look(client, "POST", url, data={field.replace("\0", ""): value})
            chosen = {"app_label": meta.app_label, "model_name": meta.model_name, "field_name": field, "term": value}
            look(client, "GET", f"/operator/admin/autocomplete/?{urlencode([*chosen.items(), *query])}")

    fields = sorted({field.name for meta in models for field in meta.get_fields()})
    fuzz(
        25,
        2_000,
        model=st.integers(0, 50),
        what=st.sampled_from(("list", "list", "add", "one")),
        pk=nonsense.texts,
        query=st.lists(st.tuples(st.sampled_from((*TABLE_NAMES, *fields)), nonsense.texts), max_size=3),
        field=st.sampled_from(fields),
        value=nonsense.texts,
    )(answers)


HEADERS = (
    *(
        "Accept-Language",
        "Referer",
        "HX-Request",
        "HX-Target",
        "HX-Current-URL",
        "Cookie",
        "Host",
        "Origin",
        "User-Agent",
    ),
    *(
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "If-Modified-Since",
        "Accept",
        "Range",
        "Content-Type",
    ),
)
KINDS = (
    "application/x-www-form-urlencoded",
    MULTIPART_CONTENT,
    "multipart/form-data",
    "multipart/form-data; boundary=" + "b" * 300,
    "multipart/form-data; boundary=\xff",
    "application/x-www-form-urlencoded; charset=no-such-thing",
    "application/x-www-form-urlencoded; charset=utf-16",
    "application/json",
    "text/plain; charset=big5",
    "",
)
_PART = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
BODIES = (
    b"&".join(b"a%d=1" % number for number in range(6_000)),  # more fields than are taken
    b"x=%ff%fe&%00=%00&=&&;=%",
    f'{_PART}"day"\r\n\r\n2026-11-23'.encode(),
    f'{_PART}"day"; filename="x.exe"\r\n\r\nMZ\r\n--{BOUNDARY}--\r\n'.encode(),
    f"{_PART}\"day\"; filename*=utf-8''%ff\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\r\n--{BOUNDARY}--".encode(),
    f"{_PART}\r\n\r\n\xff\r\n--{BOUNDARY}\r\n\r\n--{BOUNDARY}--".encode("latin-1"),
    b"--" * 500,
    b"x=" + b"A" * 3_000_000,  # larger than is taken
)
TABLE_NAMES = (
    "q",
    "p",
    "o",
    "e",
    "all",
    "_to_field",
    "_popup",
    "_changelist_filters",
    "name__exact",
    "id__in",
    "pk__isnull",
)


def look(client: Client, method: str, url: str, **more: Any) -> HttpResponseBase:
    """A request whose traces are undone. An error of ours is raised by the client; a page of it fails here."""
    with transaction.atomic():
        response = client.generic(method, url, **more) if "content_type" in more else _ask(client, method, url, **more)
        assert response.status_code < 500, (method, url, response.status_code)
        assert response.status_code in {200, 204, 301, 302, 400, 401, 403, 404, 405, 410, 413, 422, 429}, (
            response.status_code
        )
        connection.check_constraints()
        transaction.set_rollback(True)
    return response


def _ask(client: Client, method: str, url: str, **more: Any) -> Any:
    return client.post(url, **more) if method == "POST" else client.get(url, **more)


def body(values: Fields, how: str) -> dict[str, Any]:
    """Fields as a browser sends them."""
    if how == "urlencoded":
        return {"data": urlencode(values, doseq=True).encode(), "content_type": KINDS[0]}
    data: dict[str, Any] = {name: list(offered) for name, offered in values.items()}
    if how == "file" and data:
        data[next(iter(data))] = SimpleUploadedFile("名單.csv", b"\x00\xff" * 50)
    return {"data": encode_multipart(BOUNDARY, data), "content_type": MULTIPART_CONTENT}


def urls(city: City) -> list[tuple[str, str]]:
    """Every address with its name, filled in with rows that are there."""
    return [
        (name, reverse(name, kwargs={key: city.arguments[key] for key in pattern.pattern.converters}))
        for name, pattern in addresses()
    ]


def posted_by(city: City, who: str) -> list[str]:
    """The addresses that take a form from `who`, as the table of doors says."""
    rows = table()
    return [url for name, url in urls(city) if rows[name, "POST"][who] in {200, 302} and rows[name, "GET"][who] != 302]


def forms_at(client: Client, url: str) -> list[Fields]:
    """The forms of a page, as far as it opens."""
    response = look(client, "GET", url)
    if response.status_code != 200 or "html" not in response.headers.get("Content-Type", ""):
        return []
    forms = Forms()
    forms.feed(response.content.decode())  # type: ignore[attr-defined]
    return forms.found


def spoilt(path: str, broken: list[tuple[int, str]]) -> str:
    """The path with nonsense in place of some of its parts."""
    parts = path.split("/")
    for at, text in broken:
        parts[at % len(parts)] = quote(text, safe="")
    return "/" + "/".join(parts).lstrip("/")


def headable(text: str) -> str:
    """What a server lets through as a header's value."""
    return text.encode("utf-8")[:1_000].decode("latin-1").replace("\r", "").replace("\n", "").replace("\0", "")
