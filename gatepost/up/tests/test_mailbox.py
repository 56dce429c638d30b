"""The mail catcher as it runs: a process of its own, spoken to over SMTP and HTTP."""

import json
import signal
import smtplib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.up.mailbox.http import Request, require_own_page
from gatepost.up.mailbox.letter import decoded, read_letter
from gatepost.up.mailbox.routes import Routes
from gatepost.up.mailbox.store import MailStore

FROM = "bounce+7@gatepost.example"
SUBJECT = "=?utf-8?b?546L5bCP5piO?=\r\n =?utf-8?b?IDA3OjQyIOWIsOagoQ==?="
MAIL = (
    f"Subject: {SUBJECT}\r\nFrom: notice@gatepost.example\r\nTo: mother@example.org\r\n"
    "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n07:42 https://gatepost.example/a?b=1&c=2\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><head></head><p>07:42</p>\r\n--b--\r\n"
).encode()


@dataclass
class Catcher:
    process: subprocess.Popen[str]
    smtp_port: int
    http_port: int
    folder: Path

    def send(self, to: str = "mother@example.org", message: bytes = MAIL) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp_port, "gatepost.example", timeout=10) as relay:
            relay.sendmail(FROM, [to], message)

    def ask(self, method: str, path: str, **headers: str) -> tuple[HTTPResponse, str]:
        connection = HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=named)
        response = connection.getresponse()
        return response, response.read().decode()

    def api(self, path: str) -> Any:
        return json.loads(self.ask("GET", f"/api{path}")[1])

    def newest(self) -> int:
        return int(self.api("/mails?limit=1")["mails"][0]["id"])


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def command(smtp_port: int, http_port: int, folder: Path) -> list[str]:
    ports = ["--smtp-port", str(smtp_port), "--http-port", str(http_port)]
    return [sys.executable, "-m", "gatepost.up.mailbox", *ports, "--folder", str(folder)]


@contextmanager
def running(folder: Path) -> Iterator[Catcher]:
    smtp_port, http_port = free_ports(2)
    process = subprocess.Popen(command(smtp_port, http_port, folder), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Mail catcher: SMTP on 127.0.0.1")
    try:
        yield Catcher(process, smtp_port, http_port, folder)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catcher]:
    with running(tmp_path_factory.mktemp("mails")) as catcher:
        yield catcher


@pytest.fixture
def catcher(shared: Catcher) -> Catcher:
    shared.ask("DELETE", "/api/mails")
    return shared


# Taking mails in


def test_a_mail_can_be_read_as_soon_as_it_was_acknowledged(catcher: Catcher) -> None:
    catcher.send()
    assert len(list(catcher.folder.glob("*.eml"))) == 1
    found = catcher.api("/mails?to=mother@example.org")
    assert found["count"] == 1
    assert found["mails"][0]["subject"] == "王小明 07:42 到校"
    letter = catcher.api(f"/mails/{found['mails'][0]['id']}")
    assert letter["text"] == "07:42 https://gatepost.example/a?b=1&c=2"
    assert letter["html"] == "<html><head></head><p>07:42</p>"
    assert ["Return-Path", f"<{FROM}>"] in letter["headers"]


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        first.send("one@example.org")
        first.send("two@example.org")
        (tmp_path / "1234567890123456789.part").write_bytes(b"was being written")
        first.process.kill()
        first.process.wait()
    with running(tmp_path) as second:
        mails = second.api("/mails")["mails"]
    assert [mail["to"] for mail in mails] == ["two@example.org", "one@example.org"]
    assert mails[0]["subject"] == "王小明 07:42 到校"
    assert not list(tmp_path.glob("*.part"))


def test_a_burst_over_many_connections_is_kept_whole(catcher: Catcher) -> None:
    def send_some(sender: int) -> None:
        with smtplib.SMTP("127.0.0.1", catcher.smtp_port, "gatepost.example", timeout=20) as relay:
            for number in range(50):
                relay.sendmail(FROM, [f"g{sender}.{number}@example.org"], MAIL)

    senders = [threading.Thread(target=send_some, args=(sender,)) for sender in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    mails = catcher.api("/mails?limit=1000")["mails"]
    assert len({mail["to"] for mail in mails}) == len({mail["id"] for mail in mails}) == 400


@pytest.mark.parametrize(
    ("name", "code"), [("unknown", b"550 5.1.1"), ("Unknown", b"550 5.1.1"), ("full", b"452 4.2.2")]
)
def test_names_of_the_demonstration_are_refused(catcher: Catcher, name: str, code: bytes) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        catcher.send(f"{name}@school.example")
    status, text = caught.value.recipients[f"{name}@school.example"]
    assert b"%d %b" % (status, text[:5]) == code
    assert catcher.api("/count") == {"count": 0}


def talk(catcher: Catcher, *pieces: bytes) -> list[bytes]:
    """Send the pieces one by one, and return the lines of every answer until the catcher hangs up."""
    with socket.create_connection(("127.0.0.1", catcher.smtp_port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        with connection.makefile("rb") as answers:
            return answers.read().splitlines()


def codes(answers: list[bytes]) -> list[int]:
    return [int(line[:3]) for line in answers if line[3:4] == b" "]


DIALOGUE = (
    b"EHLO a\r\nMAIL FROM:<a@b.example> SIZE=9\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
    b"Subject: x\r\n\r\n..\r\n..dots.\r\n.x\r\n\r\n.\r\n"
    b"MAIL FROM:<>\r\nRCPT TO:<e@f.example>\r\nDATA\r\n.\r\nQUIT\r\n"
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, len(DIALOGUE)), max_size=8))
def test_however_the_bytes_arrive_the_mails_are_the_same(catcher: Catcher, cuts: list[int]) -> None:
    catcher.ask("DELETE", "/api/mails")
    places = [0, *sorted(cuts), len(DIALOGUE)]
    answers = talk(catcher, *(DIALOGUE[start:end] for start, end in pairwise(places)))
    assert codes(answers) == [220, 250, 250, 250, 354, 250, 250, 250, 354, 250, 221]
    second, first = (catcher.ask("GET", f"/mails/{mail['id']}/source")[1] for mail in catcher.api("/mails")["mails"])
    assert first.endswith("Delivered-To: c@d.example\r\nSubject: x\r\n\r\n.\r\n.dots.\r\n.x\r\n\r\n")
    assert second == "Return-Path: <>\r\nDelivered-To: e@f.example\r\n"


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        (b"DATA\r\nQUIT\r\n", [220, 503, 221]),
        (b"RCPT TO:<a@b.example>\r\nQUIT\r\n", [220, 503, 221]),
        (b"MAIL FROM:<a@b.example>\r\nMAIL FROM:<a@b.example>\r\nQUIT\r\n", [220, 250, 503, 221]),
        (b"MAIL FROM:<a@b.example>\r\nRSET\r\nRCPT TO:<a@b.example>\r\nQUIT\r\n", [220, 250, 250, 503, 221]),
        (b"MAIL a@b.example\r\nQUIT\r\n", [220, 501, 221]),
        (b"MAIL FROM:<a@b.example>\r\nRCPT TO:<>\r\nQUIT\r\n", [220, 250, 501, 221]),
        (b"helo x\r\nnoop\r\nquit\r\n", [220, 250, 250, 221]),
        (b"\xff\x00\r\n\r\nVRFY a\r\nQUIT\r\n", [220, 502, 502, 502, 221]),
        (b"x" * 5000, [220, 500]),
    ],
)
def test_what_is_out_of_order_gets_an_answer(catcher: Catcher, said: bytes, answers: list[int]) -> None:
    assert codes(talk(catcher, said)) == answers


def test_a_message_without_end_is_cut_off(catcher: Catcher) -> None:
    begin = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"
    assert codes(talk(catcher, begin, b"x" * 10_000_001)) == [220, 250, 250, 354, 552]
    assert catcher.api("/count") == {"count": 0}


# Keeping them


def test_the_oldest_make_room_for_the_newest(tmp_path: Path) -> None:
    store = MailStore(tmp_path, kept_max=3)
    for number in range(5):
        store.add(FROM, [f"g{number}@example.org"], b"\r\n")
    assert [mail.to for mail in store.newest_first()] == ["g4@example.org", "g3@example.org", "g2@example.org"]
    assert len(list(tmp_path.iterdir())) == 3
    assert len(list(MailStore(tmp_path, kept_max=2).newest_first())) == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_is_read_as_it_was_written(tmp_path: Path) -> None:
    store = MailStore(tmp_path)
    for to in ("a@example.org", "王媽媽@example.org"):
        store.add(FROM, [to], MAIL)
    (tmp_path / "notes.txt").write_text("not a mail")
    assert list(MailStore(tmp_path).newest_first()) == list(store.newest_first())


def test_a_folder_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    smtp_port, http_port = free_ports(2)
    begin = command(smtp_port, http_port, tmp_path / "file")
    done = subprocess.run(begin, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Cannot keep mails in {tmp_path / 'file'}")
    assert done.stderr.count("\n") == 1


# Showing them


def test_the_list_shows_the_newest_first_and_can_be_leafed_through(catcher: Catcher) -> None:
    for number in range(51):
        catcher.send(f"g{number:02}@example.org")
    first, second = catcher.ask("GET", "/")[1], catcher.ask("GET", "/?page=2")[1]
    assert first.index("g50@") < first.index("g49@")
    assert "王小明 07:42 到校" in first
    assert "第 1 頁，共 2 頁" in first
    assert "g00@" not in first
    assert "g00@" in second
    assert "g01@" not in second


def test_the_list_can_be_searched_by_recipient(catcher: Catcher) -> None:
    catcher.send("mother@example.org")
    catcher.send("father@example.org")
    page = catcher.ask("GET", "/?to=%20MOTHER")[1]
    assert "mother@example.org</span>" in page
    assert "father@example.org</span>" not in page
    assert catcher.api("/count?to=father") == {"count": 1}
    assert catcher.api("/mails?to=nobody") == {"count": 0, "mails": []}
    assert "這裡沒有信" in catcher.ask("GET", "/?to=nobody")[1]


def test_an_empty_mailbox_says_what_to_do(catcher: Catcher) -> None:
    page = catcher.ask("GET", "/")[1]
    assert "還沒有信" in page
    assert "gatepost simulate morning" in page
    assert "unknown@" in page


def test_the_page_can_ask_what_is_new(catcher: Catcher) -> None:
    catcher.send()
    before = catcher.newest()
    assert f"after={before}" in catcher.ask("GET", "/")[1]
    assert catcher.api(f"/count?after={before}") == {"count": 0}
    catcher.send()
    assert catcher.api(f"/count?after={before}") == {"count": 1}


def test_one_mail_shows_its_facts_its_text_and_a_frame(catcher: Catcher) -> None:
    catcher.send()
    page = catcher.ask("GET", f"/mails/{catcher.newest()}")[1]
    assert "<h1>王小明 07:42 到校</h1>" in page
    assert 'href="https://gatepost.example/a?b=1&amp;c=2"' in page
    assert '<iframe class="mail" title="信件內容" sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert "notice@gatepost.example" in page


def test_the_html_of_a_mail_can_do_nothing(catcher: Catcher) -> None:
    catcher.send()
    response, content = catcher.ask("GET", f"/mails/{catcher.newest()}/html")
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'")
    assert "script-src" not in policy
    assert content == '<html><head><base target="_blank"></head><p>07:42</p>'


def test_what_a_mail_says_is_never_part_of_the_page(catcher: Catcher) -> None:
    attack = b"<script>alert(1)</script>"
    catcher.send("a@example.org", b"Subject: %b\r\nX-%b: 1\r\nFrom: %b\r\n\r\n%b" % (attack, b"a", attack, attack))
    search = quote('"><script>alert(1)</script>')
    for path in ("/", f"/?to={search}", f"/mails/{catcher.newest()}"):
        response, page = catcher.ask("GET", path)
        assert "<script>alert" not in page
        assert "'unsafe-inline'" not in response.headers["Content-Security-Policy"]
    source = catcher.ask("GET", f"/mails/{catcher.newest()}/source")[0]
    assert source.headers["Content-Type"].startswith("text/plain")
    assert source.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/mails/1", "/mails/1/html", "/api/mails/1", "/mails/../x", "/nothing", "/clear", "/mails/٣"]
)
def test_what_is_not_there_is_not_found(catcher: Catcher, path: str) -> None:
    assert catcher.ask("GET", quote(path))[0].status == 404


@pytest.mark.parametrize("query", ["page=0", "page=x", "page=-1", "page=99999999999999999999999", "page=٣"])
def test_a_page_that_cannot_be_is_a_clear_error(catcher: Catcher, query: str) -> None:
    response, text = catcher.ask("GET", "/?" + quote(query, safe="="))
    assert response.status == 400
    assert text == "page is a whole number from 1 to 10000."


# Who may ask


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "localhost:8025", "[::1]:8025"])
def test_names_of_this_machine_are_answered(catcher: Catcher, host: str) -> None:
    assert catcher.ask("GET", "/", Host=host)[0].status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8025", "127.0.0.1.evil.example", "", "a@evil.example", "[::1", "192.0.2.1"]
)
def test_foreign_names_are_not_answered(catcher: Catcher, host: str) -> None:
    response, text = catcher.ask("GET", "/api/mails", Host=host)
    assert response.status == 421
    assert "count" not in text


def test_only_this_machine_is_listened_to(catcher: Catcher) -> None:
    for port in (catcher.smtp_port, catcher.http_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=5)


def test_the_button_of_the_page_clears_the_mailbox(catcher: Catcher) -> None:
    catcher.send()
    origin = f"http://127.0.0.1:{catcher.http_port}"
    response, _ = catcher.ask("POST", "/clear", Origin=origin, Sec_Fetch_Site="same-origin", Content_Length="0")
    assert (response.status, response.headers["Location"]) == (303, "/")
    assert catcher.api("/count") == {"count": 0}
    assert not list(catcher.folder.iterdir())


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/clear", {}),
        ("POST", "/clear", {"Origin": "https://evil.example"}),
        ("POST", "/clear", {"Origin": "null"}),
        ("POST", "/clear", {"Sec_Fetch_Site": "cross-site"}),
        ("POST", "/clear", {"Sec_Fetch_Site": "same-site", "Origin": "http://127.0.0.1:1"}),
        ("DELETE", "/api/mails", {"Origin": "https://evil.example"}),
        ("DELETE", "/api/mails", {"Sec_Fetch_Site": "cross-site"}),
    ],
)
def test_another_site_clears_nothing(catcher: Catcher, method: str, path: str, headers: dict[str, str]) -> None:
    catcher.send()
    assert catcher.ask(method, path, **headers)[0].status == 403
    assert catcher.api("/count") == {"count": 1}


def test_an_older_browser_is_known_by_its_origin() -> None:
    headers = {"host": "localhost:8025", "origin": "http://localhost:8025"}
    require_own_page(Request("POST", "/clear", {}, headers))


# Whatever comes


BEGINNINGS = [
    b"",
    b"Subject: =?x?b?",
    b"Subject: =?utf-8?q?=zz?=\r\n",
    b"Content-Type: text/html; charset=\xff\r\n\r\n",
    b"Content-Transfer-Encoding: base64\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n",
]


@settings(max_examples=60, deadline=None)
@given(octets=st.binary(max_size=400), head=st.sampled_from(BEGINNINGS))
def test_any_mail_can_be_shown(tmp_path_factory: pytest.TempPathFactory, octets: bytes, head: bytes) -> None:
    store = MailStore(tmp_path_factory.mktemp("any"))
    number = store.add(FROM, ["a@example.org"], head + octets)
    routes = Routes(store, zone="Asia/Taipei")
    for path in ("/", f"/mails/{number}", f"/mails/{number}/html", f"/mails/{number}/source", f"/api/mails/{number}"):
        assert routes(Request("GET", path, {}, {})).status == 200


@given(st.text())
def test_any_subject_can_be_shown(subject: str) -> None:
    decoded(subject)
    decoded(f"=?utf-8?q?{subject}?= {subject}")


def test_an_unknown_character_set_is_read_as_well_as_can_be() -> None:
    letter = read_letter(b"Subject: =?nonsense?b?QQ==?=\r\nContent-Type: text/plain; charset=nonsense\r\n\r\nabc")
    assert (letter.subject, letter.text) == ("=?nonsense?b?QQ==?=", "abc")


NO_REQUESTS = [
    b"GET",
    b"GET / HTTP/1.1\r\nx\r\n\r\n",
    b"GET x y\r\n\r\n",
    b"\r\n\r\n",
    b"POST /clear HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    b"A" * 20_000,
]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.one_of(st.binary(max_size=200), st.sampled_from(NO_REQUESTS)))
def test_junk_on_the_http_port_hurts_nobody(catcher: Catcher, junk: bytes) -> None:
    with socket.create_connection(("127.0.0.1", catcher.http_port), timeout=10) as connection:
        connection.sendall(junk)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(100)
    assert not answer or answer.split(b" ")[1] in {b"400", b"413", b"421"}
    assert catcher.api("/count") == {"count": 0}


# Start and end


def test_a_taken_port_is_one_clear_line(catcher: Catcher, tmp_path: Path) -> None:
    (free,) = free_ports(1)
    for smtp_port, http_port in ((catcher.smtp_port, free), (free, catcher.http_port)):
        done = subprocess.run(command(smtp_port, http_port, tmp_path), capture_output=True, text=True, check=False)
        taken = catcher.smtp_port if smtp_port == catcher.smtp_port else catcher.http_port
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"Port {taken} is taken: the mail catcher needs another one.\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told_even_while_somebody_is_connected(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as catcher, socket.create_connection(("127.0.0.1", catcher.smtp_port)):
        catcher.process.send_signal(number)
        assert catcher.process.wait(timeout=5) == 0
