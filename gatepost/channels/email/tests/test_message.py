"""Mails are read back with the standard library's parser: what a recipient's mail program would see."""

import re
from base64 import b64decode
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.channels.email.address import Mailbox, usable
from gatepost.channels.email.headers import one_line
from gatepost.channels.email.message import Envelope, MailTemplate
from gatepost.channels.errors import ChannelError

AT = datetime(2026, 9, 1, 7, 42, 3, tzinfo=timezone(timedelta(hours=8)))
SCHOOL = Mailbox("notice@gatepost.example", "雙園國小")
MOTHER = Mailbox("mother@example.org", "王媽媽")
ARRIVED = MailTemplate(
    subject="{name} {time} 到校",
    text="{name} 於 {time} 到校。\n{note}\n",
    html="<p style='color: #1d2126'><b title=\"{name}\">{name}</b> 於 {time} 到校。</p><p>{note}</p>",
    language="zh-Hant",
)
SLOTS = {"name": "王小明", "time": "07:42", "note": "南門 2 號機"}

# Whatever can stand in a Python string, and what attackers would try.
anything = st.one_of(
    st.text(), st.sampled_from(["a\r\nBcc: x@example.org", "=?utf-8?b?QQ==?=", '"; x="', "\x00", "é" * 300])
)


def envelope(
    *,
    sender: Mailbox = SCHOOL,
    to: Mailbox = MOTHER,
    key: str = "delivery 7",
    at: datetime = AT,
    unsubscribe_url: str | None = None,
    reply_to: Mailbox | None = None,
) -> Envelope:
    return Envelope(sender=sender, to=to, key=key, at=at, unsubscribe_url=unsubscribe_url, reply_to=reply_to)


def parsed(octets: bytes) -> EmailMessage:
    mail = message_from_bytes(octets, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def content(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    found = part.get_content()
    assert isinstance(found, str)
    return found.replace("\r\n", "\n")


def shown_to(octets: bytes) -> tuple[str, str]:
    """The recipient, by the older parser: the newer one puts spaces between the encoded words of a name."""
    name, address = parseaddr(str(message_from_bytes(octets)["To"]))
    return str(make_header(decode_header(name))), address


def newlines(value: str) -> str:
    return value.replace("\r\n", "\n").replace("\r", "\n")


def test_a_recipient_reads_what_was_filled_in() -> None:
    mail = parsed(ARRIVED.fill(SLOTS, envelope()))
    assert mail["Subject"] == "王小明 07:42 到校"
    assert content(mail, "plain") == "王小明 於 07:42 到校。\n南門 2 號機\n"
    assert "王小明</b> 於 07:42 到校。</p><p>南門 2 號機</p>" in content(mail, "html")
    assert (mail["From"].addresses[0].display_name, mail["From"].addresses[0].addr_spec) == (
        SCHOOL.name,
        SCHOOL.address,
    )
    assert (mail["To"].addresses[0].display_name, mail["To"].addresses[0].addr_spec) == (MOTHER.name, MOTHER.address)


def test_the_headers_say_that_a_machine_wrote_it_and_when_and_in_which_language() -> None:
    mail = parsed(ARRIVED.fill(SLOTS, envelope()))
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "zh-Hant"
    assert mail["Date"].datetime == AT
    assert mail["Date"] == "Tue, 01 Sep 2026 07:42:03 +0800"
    assert mail["MIME-Version"] == "1.0"
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert not {"Precedence", "Bcc", "X-Gatepost-Delivery", "Reply-To"} & set(mail.keys())
    assert not mail.defects


def test_a_repeat_after_a_crash_is_the_same_mail() -> None:
    assert ARRIVED.fill(SLOTS, envelope()) == ARRIVED.fill(SLOTS, envelope())


def test_another_delivery_has_another_message_id() -> None:
    one, other = (parsed(ARRIVED.fill(SLOTS, envelope(key=key)))["Message-ID"] for key in ("a", "b"))
    assert one != other
    assert re.fullmatch(r"<[0-9a-f]{32}@gatepost\.example>", one)


def test_what_is_optional_can_be_unsubscribed_with_one_click() -> None:
    url = "https://gatepost.example/u/abc?t=1"
    mail = parsed(ARRIVED.fill(SLOTS, envelope(unsubscribe_url=url)))
    assert mail["List-Unsubscribe"] == f"<{url}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_what_is_not_optional_offers_no_unsubscribing() -> None:
    mail = parsed(ARRIVED.fill(SLOTS, envelope()))
    assert mail["List-Unsubscribe"] is None
    assert mail["List-Unsubscribe-Post"] is None


def test_the_one_click_is_promised_over_https_only() -> None:
    mail = parsed(ARRIVED.fill(SLOTS, envelope(unsubscribe_url="http://127.0.0.1:8000/u/abc")))
    assert mail["List-Unsubscribe"] == "<http://127.0.0.1:8000/u/abc>"
    assert mail["List-Unsubscribe-Post"] is None


@pytest.mark.parametrize(
    "url", ["https://x.example/\r\nBcc: a@b.example", "https://x.example/>", "javascript:1", "https://x/ y"]
)
def test_a_malformed_unsubscribe_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="unsubscribe"):
        ARRIVED.fill(SLOTS, envelope(unsubscribe_url=url))


def test_an_unsubscribe_url_that_fits_no_line_is_refused() -> None:
    with pytest.raises(ValueError, match="fits on a line"):
        ARRIVED.fill(SLOTS, envelope(unsubscribe_url="https://x.example/" + "a" * 1000))


def test_answers_can_go_elsewhere() -> None:
    mail = parsed(ARRIVED.fill(SLOTS, envelope(reply_to=Mailbox("office@school.example", "學務處"))))
    assert mail["Reply-To"] == "學務處 <office@school.example>"


def test_markup_in_a_name_is_shown_and_not_obeyed() -> None:
    mail = parsed(ARRIVED.fill(SLOTS | {"name": "<script>&\"'"}, envelope()))
    assert '<b title="&lt;script&gt;&amp;&quot;&#x27;">&lt;script&gt;&amp;&quot;&#x27;</b>' in content(mail, "html")
    assert "<script>&\"'" in content(mail, "plain")


def test_a_newline_in_a_name_cannot_begin_another_header() -> None:
    octets = ARRIVED.fill(
        SLOTS | {"name": "a\r\nBcc: thief@example.org\r\n\r\nx"},
        envelope(to=Mailbox("a@example.org", "b\nCc: c@d.example")),
    )
    mail = parsed(octets)
    assert mail["Bcc"] is None
    assert mail["Cc"] is None
    assert mail["Subject"] == "a Bcc: thief@example.org x 07:42 到校"
    assert mail["To"].addresses[0].display_name == "b Cc: c@d.example"


UNUSABLE = [
    "",
    "a",
    "@example.org",
    "a@",
    "a b@example.org",
    "a@example.org\r\nRCPT TO:<b@c.example>",
    "a@b@c.example",
    "<a@example.org>",
    "a@exam ple.org",
    "a@-x.example",
    "a@x..example",
    ".a@example.org",
    "a@[127.0.0.1]",
    "a" * 65 + "@example.org",
    '"a"@example.org',
    "a,b@example.org",
    "a@" + "x" * 64 + ".example",
    "a@" + ".".join(["xxxxxxxxx"] * 30),
    "a\x00@example.org",
    "\udc80@example.org",
]


@pytest.mark.parametrize("address", UNUSABLE)
def test_an_address_that_cannot_work_is_a_permanent_error(address: str) -> None:
    with pytest.raises(ChannelError) as caught:
        ARRIVED.fill(SLOTS, envelope(to=Mailbox(address, "x")))
    assert caught.value.permanent
    assert str(caught.value) == "This is not an email address that can be delivered to."


def test_a_domain_in_another_script_travels_in_its_ascii_form() -> None:
    assert usable("guardian@學校.example") == "guardian@xn--n9so80a.example"


def test_a_mailbox_name_in_another_script_stays_as_it_is() -> None:
    assert usable("王媽媽@example.org") == "王媽媽@example.org"
    assert "To: 王媽媽@example.org\r\n".encode() in ARRIVED.fill(SLOTS, envelope(to=Mailbox("王媽媽@example.org")))


@pytest.mark.parametrize(
    "name", ["Wang, Mei", 'Mei "M" Wang', "back\\slash", "Mei Wang", "a@b", "=?utf-8?b?QQ==?=", "(x)", "x" * 300]
)
def test_a_display_name_comes_out_as_it_went_in(name: str) -> None:
    assert shown_to(ARRIVED.fill(SLOTS, envelope(to=Mailbox("a@example.org", name)))) == (name, "a@example.org")


def test_a_missing_slot_is_named() -> None:
    with pytest.raises(KeyError, match="note"):
        ARRIVED.fill({"name": "a", "time": "b"}, envelope())


def test_a_template_says_which_slots_it_has() -> None:
    assert ARRIVED.slots == {"name", "time", "note"}


@pytest.mark.parametrize("pattern", ["{}", "{0}", "{a.b}", "{a[0]}", "{a!r}", "{a:>9}", "{", "{a"])
def test_a_malformed_template_is_refused_when_it_is_compiled(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        MailTemplate(subject="x", text=pattern, html="x", language="en")


def test_doubled_braces_are_braces() -> None:
    template = MailTemplate(subject="x", text="x", html="<style>p {{ margin: 0 }}</style>{name}", language="en")
    assert content(parsed(template.fill({"name": "n"}, envelope())), "html") == "<style>p { margin: 0 }</style>n"


@pytest.mark.parametrize("language", ["", "zh_TW", "zh\r\nX: y", "x" * 40])
def test_a_malformed_language_tag_is_refused(language: str) -> None:
    with pytest.raises(ValueError, match="language tag"):
        MailTemplate(subject="x", text="x", html="x", language=language)


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        ARRIVED.fill(SLOTS, envelope(at=AT.replace(tzinfo=None)))


@given(name=anything, time=anything, note=anything)
def test_whatever_is_filled_in_comes_out_again(name: str, time: str, note: str) -> None:
    name, time, note = (value.encode(errors="replace").decode() for value in (name, time, note))
    mail = parsed(ARRIVED.fill({"name": name, "time": time, "note": note}, envelope()))
    assert mail["Subject"] == one_line(f"{name} {time} 到校")
    assert content(mail, "plain") == newlines(f"{name} 於 {time} 到校。\n{note}\n")
    assert len(list(mail.iter_parts())) == 2


@given(name=anything, subject=anything, key=anything)
def test_no_value_makes_a_line_too_long_or_a_header_too_many(name: str, subject: str, key: str) -> None:
    octets = ARRIVED.fill(SLOTS | {"name": subject}, envelope(sender=Mailbox(SCHOOL.address, name), key=key))
    head, _, body = octets.partition(b"\r\n\r\n")
    assert max(map(len, octets.split(b"\r\n"))) <= 98
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert b"\r" not in octets.replace(b"\r\n", b"")
    assert b"\n" not in octets.replace(b"\r\n", b"")
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")]
    assert names == [
        b"Message-ID",
        b"Date",
        b"From",
        b"To",
        b"Subject",
        b"Content-Language",
        b"Auto-Submitted",
        b"MIME-Version",
        b"Content-Type",
    ]


@given(name=st.text(min_size=1), subject=anything)
def test_every_encoded_word_is_whole_and_within_its_length(name: str, subject: str) -> None:
    octets = ARRIVED.fill(SLOTS | {"name": subject}, envelope(to=Mailbox("a@example.org", name)))
    head = octets.partition(b"\r\n\r\n")[0]
    for line in head.split(b"\r\n"):
        words = re.findall(rb"=\?utf-8\?b\?([^?]*)\?=", line)
        assert not words or len(line) <= 76
        for word in re.findall(rb"=\?utf-8\?b\?[^?]*\?=", line):
            assert len(word) <= 75
            assert str(parsed(b"Subject: " + word + b"\r\n\r\n")["Subject"]) == _decoded(word)


@given(name=st.text())
def test_any_display_name_is_read_as_the_line_it_is(name: str) -> None:
    octets = ARRIVED.fill(SLOTS, envelope(to=Mailbox("a@example.org", name)))
    assert shown_to(octets) == (one_line(name), "a@example.org")


def test_a_day_in_utc_is_a_day() -> None:
    assert (
        parsed(ARRIVED.fill(SLOTS, envelope(at=datetime(2026, 9, 1, tzinfo=UTC))))["Date"]
        == "Tue, 01 Sep 2026 00:00:00 +0000"
    )


def _decoded(word: bytes) -> str:
    return b64decode(word[10:-2]).decode()
