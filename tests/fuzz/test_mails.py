"""Mails that come back, from anybody who knows a return address: each is one of five things, and nothing else."""

import pytest
from click.testing import CliRunner
from django.conf import settings
from django.db import transaction
from hypothesis import strategies as st

from gatepost.channels.email.bounce import return_address
from gatepost.notify.commands import bounce
from gatepost.notify.models import Delivery
from gatepost.notify.tests.test_receipts import delivery as delivery
from tests.fuzz import nonsense
from tests.fuzz.conftest import Fuzz
from tests.fuzz.seeds import SEEDS
from tests.fuzz.test_targets import near

pytestmark = pytest.mark.django_db


def test_whatever_comes_back_no_mail_server_has_to_try_again(delivery: Delivery, fuzz: Fuzz) -> None:
    ours = return_address(
        delivery.pk, delivery.on_date, secret=settings.MAIL_BOUNCE_SECRET, domain=settings.MAIL_BOUNCE_DOMAIN
    )
    runner = CliRunner()

    def answers(message: bytes, to: str) -> None:
        with transaction.atomic():
            done = runner.invoke(bounce, ["--to", to], input=message, catch_exceptions=False)
            assert done.exit_code == 0
            assert done.output.strip() in {"stranger", "chatter", "known", "failed", "disabled"}
            if to not in {ours, ours.upper()}:
                assert done.output.strip() in {"stranger", "chatter"}
            kept = Delivery.objects.get()
            assert kept.state == ("failed" if done.output.strip() in {"failed", "disabled"} else "sent")
            transaction.set_rollback(True)

    to = st.sampled_from([ours, ours, ours, ours.upper(), ours.replace(".", ".1"), f"x{ours}"])
    fuzz(150, 20_000, message=near(SEEDS["report"]), to=to | nonsense.texts.map(lambda text: text.lstrip("-")))(answers)
