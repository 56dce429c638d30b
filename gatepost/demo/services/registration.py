"""The demonstration's two services as the bureau would have registered them, at the port where they answer now."""

import io
from datetime import datetime

import noto_cjk_sans_otc
from django.db import transaction
from PIL import Image, ImageDraw, ImageFont

from gatepost.access.models import Role
from gatepost.accounts.models import Account
from gatepost.demo import cast
from gatepost.demo.reader_keys import require_demonstration
from gatepost.demo.services.offers import FEES, OFFERS, Offer
from gatepost.sso import consents, logos, services
from gatepost.sso.models import Service
from gatepost.sso.services import Facts, Kind

SIDE = 128


def settle(port: int, *, now: datetime) -> None:
    """Register the services where the city has none, else see that their addresses are those of `port`.

    The guardian to sign in as has given the first of them both children, so that one click signs in. Raises
    `NoDemonstration`.
    """
    require_demonstration()
    officer = Account.objects.filter(email=cast.BUREAU.email, roles__name=Role.Name.BUREAU_OFFICER).first()
    if officer is None:  # not our city
        return
    with transaction.atomic():
        for offer in OFFERS:
            found = Service.objects.filter(client_id=offer.client_id).first()
            if found is None:
                _register(offer, port, by=officer, now=now)
            elif found.stopped_at is None and found.start_url != offer.address(port):
                _move(found, offer, port)


def _register(offer: Offer, port: int, *, by: Account, now: datetime) -> None:
    facts = Facts(
        name=offer.name,
        about=offer.about,
        reasons=offer.reasons,
        answers_name=offer.answers_name,
        answers_email=offer.answers_email,
        logo=logos.drawn(io.BytesIO(_picture(offer))),
        redirect_uris=[offer.address(port, "callback")],
        post_logout_redirect_uris=[offer.address(port, "bye")],
        backchannel_logout_uri=offer.address(port, "logout"),
        start_url=offer.address(port),
    )
    service, _no_secret = services.register(facts, by=by, kind=Kind.APP)
    service.client_id = offer.client_id  # the process beside us knows it by this name
    service.save(update_fields=["client_id"])
    guardian = Account.objects.filter(email=cast.GUARDIAN.email).first()
    if offer is FEES and guardian is not None:
        children = list(consents.children_to_give(guardian).values_list("pk", flat=True))
        consents.give(guardian, service, offer.scope.split(), children=children, now=now)


def _move(service: Service, offer: Offer, port: int) -> None:
    service.redirect_uris, service.post_logout_redirect_uris = (
        offer.address(port, "callback"),
        offer.address(port, "bye"),
    )
    service.backchannel_logout_uri, service.start_url = offer.address(port, "logout"), offer.address(port)
    service.save()


def _picture(offer: Offer) -> bytes:
    """The mark of the service in white on its colour."""
    picture = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
    pencil = ImageDraw.Draw(picture)
    pencil.rounded_rectangle((0, 0, SIDE - 1, SIDE - 1), radius=24, fill=offer.colour)
    font = ImageFont.truetype(str(noto_cjk_sans_otc.FONT_PATH), 80)
    pencil.text((SIDE / 2, SIDE / 2), offer.mark, font=font, fill="white", anchor="mm")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
