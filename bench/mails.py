"""Mails a second to a sink on this machine, real words and templates, beside Django's own SMTP backend."""

import time
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from bench.figures import Figure, in_turn
from bench.stage import Stage, free_port

MAILS = 3_000
REFERENCE_MAILS = 400


def figures(stage: Stage) -> list[Figure]:
    """Rendering and hand-over together, as the worker does them; the database is not part of it."""
    stage.use("postgres")
    import django

    django.setup()
    port = free_port()
    with stage.process("-m", "bench.sink", "--port", str(port), port=port):
        value, reference, ratio = in_turn(lambda: ours(port), lambda: djangos(port))
    return [Figure("mails", value, "mails/s", "Django's SMTP backend, one connection", reference, ratio, 5, 12)]


def ours(port: int) -> float:
    """Mails a second by the worker's carrier over its usual number of connections."""
    from django.conf import settings

    from gatepost.channels.email.address import Mailbox
    from gatepost.channels.email.connection import SmtpSettings
    from gatepost.channels.email.pool import SmtpPool
    from gatepost.notify.mail import MailCarrier

    relay = SmtpSettings(host="127.0.0.1", port=port, hello_name="bench.example", security="none")
    pool = SmtpPool(relay, size=settings.SMTP_CONNECTIONS)
    carrier = MailCarrier(
        pool,
        sender=Mailbox(address="gatepost@gatepost.example", name="校門口"),
        site_url="https://gatepost.example",
        bounce_domain="gatepost.example",
        bounce_secret=b"bench",
    )
    deliveries = [_delivery(number) for number in range(MAILS)]
    carrier.carry(deliveries[:50], now=datetime.now(UTC))  # connections are open in the morning's rush
    begin = time.perf_counter()
    for start in range(0, MAILS, 200):
        outcomes = carrier.carry(deliveries[start : start + 200], now=datetime.now(UTC))
        if any(outcome.error for outcome in outcomes):
            raise RuntimeError("the sink refused a mail")
    took = time.perf_counter() - begin
    pool.close()
    return MAILS / took


def djangos(port: int) -> float:
    """Mails a second by `EmailMultiAlternatives` over one open connection."""
    from django.core.mail import EmailMultiAlternatives
    from django.core.mail.backends.smtp import EmailBackend

    backend = EmailBackend(host="127.0.0.1", port=port, username="", password="", use_tls=False)
    backend.open()
    begin = time.perf_counter()
    for number in range(REFERENCE_MAILS):
        mail = EmailMultiAlternatives(
            "王小明 07:42 到校",
            "王小明 07:42 到校\n\n雙園國小 · 11月23日 星期一\n南門 2 號機刷卡。\n",
            "gatepost@gatepost.example",
            [f"guardian{number}@example.org"],
            connection=backend,
        )
        mail.attach_alternative(
            "<p>王小明 07:42 到校</p><p>雙園國小 · 11月23日 星期一<br>南門 2 號機刷卡。</p>", "text/html"
        )
        mail.send()
    took = time.perf_counter() - begin
    backend.close()
    return REFERENCE_MAILS / took


def _delivery(number: int):  # type: ignore[no-untyped-def]
    from gatepost.notify.sender import Leased

    now = datetime.now(UTC)
    return Leased(
        id=number + 1,
        on_date=date(2026, 11, 23),
        attempts=1,
        notice_id=number,
        topic="arrived",
        about=uuid4(),
        data={
            "student": "王小明",
            "school": "雙園國小",
            "timezone": "Asia/Taipei",
            "at": now.isoformat(),
            "source": "card",
            "place": "南門 2 號機",
        },
        best_before=now + timedelta(hours=1),
        is_follow_up=False,
        account_id=uuid4(),
        account_name="林淑芬",
        language="zh-hant",
        address_id=number,
        target=f"guardian{number}@example.org",
        address_ok=True,
        may_be_told=True,
        subscribed=True,
        key=f"arrived {number}",
    )
