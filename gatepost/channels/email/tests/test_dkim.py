"""Every signature is verified by dkimpy, an implementation that is not ours."""

import re
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from gatepost.channels.email.address import Mailbox
from gatepost.channels.email.dkim import DkimSigner
from gatepost.channels.email.message import Envelope, MailTemplate

AT = datetime(2026, 9, 1, tzinfo=UTC)
PRIVATE = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def ed25519_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def rsa_signer() -> DkimSigner:
    return DkimSigner(domain="gatepost.example", selector="s1", pem=rsa_key().private_bytes(*PRIVATE))


def ed25519_signer() -> DkimSigner:
    return DkimSigner(domain="gatepost.example", selector="s2", pem=ed25519_key().private_bytes(*PRIVATE))


def dns(name: bytes, timeout: int = 5) -> bytes:
    spki = rsa_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    raw = ed25519_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {
        b"s1._domainkey.gatepost.example.": b"v=DKIM1; k=rsa; p=" + b64encode(spki),
        b"s2._domainkey.gatepost.example.": b"v=DKIM1; k=ed25519; p=" + b64encode(raw),
    }[name]


def verified(message: bytes) -> bool:
    return bool(dkim.verify(message, dnsfunc=dns))


def mail(text: str = "王小明 07:42 到校。", *, subject: str = "到校通知：" + "王小明" * 20) -> bytes:
    template = MailTemplate(subject="{subject}", text="{text}", html="<p>{text}</p>", language="zh-Hant")
    envelope = Envelope(
        sender=Mailbox("notice@gatepost.example", "雙園國小"),
        to=Mailbox("mother@example.org", "王媽媽"),
        key="delivery 7",
        at=AT,
        unsubscribe_url="https://gatepost.example/u/" + "a" * 90,
    )
    return template.fill({"text": text, "subject": subject}, envelope)


@pytest.mark.parametrize("signer", [rsa_signer, ed25519_signer])
def test_a_signed_mail_is_verified(signer: Callable[[], DkimSigner]) -> None:
    signed = signer().sign(mail(), at=AT)
    assert signed.endswith(mail())
    assert verified(signed)
    assert max(map(len, signed.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"mother@", b"father@"),
        (b"Auto-Submitted: auto-generated", b"Auto-Submitted: no"),
        (b"/u/a", b"/u/b"),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Clicks"),
        (b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nSubject: another\r\n"),
        (b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nReply-To: thief@example.org\r\n"),
        (b"text/html", b"text/plain"),
    ],
)
def test_a_change_on_the_way_is_noticed(before: bytes, after: bytes) -> None:
    signed = rsa_signer().sign(mail(), at=AT)
    assert before in signed
    assert not verified(signed.replace(before, after, 1))


def test_blanks_changed_on_the_way_are_forgiven() -> None:
    signed = rsa_signer().sign(mail(), at=AT)
    assert verified(signed.replace(b"Auto-Submitted: auto", b"auto-submitted:   auto") + b"\r\n\r\n")


def test_both_unsubscribe_headers_are_signed() -> None:
    signed = rsa_signer().sign(mail(), at=AT)
    found = re.search(rb"h=([^;]*);", signed)
    assert found
    names = re.split(rb":\s*", found[1])
    assert {b"list-unsubscribe", b"list-unsubscribe-post", b"from", b"message-id"} <= set(names)


@given(body=st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b".", b"  b"])).map(b"".join))
def test_any_body_is_made_canonical_as_dkimpy_does(body: bytes) -> None:
    message = b"From: a@gatepost.example\r\nSubject:  a \t b\r\n \t c\r\n\r\n" + body + b"\r\n"
    assert verified(ed25519_signer().sign(message, at=AT))


@given(subject=st.text(), text=st.text())
def test_any_mail_of_ours_is_verified(subject: str, text: str) -> None:
    assert verified(ed25519_signer().sign(mail(text, subject=subject), at=AT))


def test_a_short_rsa_key_is_refused() -> None:
    with pytest.raises(ValueError, match="2048"):
        DkimSigner(domain="a.example", selector="s", pem=rsa.generate_private_key(65537, 1024).private_bytes(*PRIVATE))


def test_another_kind_of_key_is_refused() -> None:
    with pytest.raises(ValueError, match="Ed25519"):
        DkimSigner(
            domain="a.example", selector="s", pem=ec.generate_private_key(ec.SECP256R1()).private_bytes(*PRIVATE)
        )


@pytest.mark.parametrize("name", ["", "a b", "a;b", "a\r\nb", "-a", "a..b"])
def test_a_domain_or_selector_that_is_no_name_is_refused(name: str) -> None:
    pem = ed25519_key().private_bytes(*PRIVATE)
    with pytest.raises(ValueError, match="DNS"):
        DkimSigner(domain=name, selector="s", pem=pem)
    with pytest.raises(ValueError, match="DNS"):
        DkimSigner(domain="a.example", selector=name, pem=pem)
