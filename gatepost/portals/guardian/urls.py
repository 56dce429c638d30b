from django.urls import path

from gatepost.portals.guardian import addresses, bond, cards, child, consents, home, line, looks, services, settings

urlpatterns = [
    path("", home.family, name="family"),
    path("children/<uuid:student_id>/", child.today, name="child"),
    path("children/<uuid:student_id>/days/<date:day>/", child.one_day, name="child-day"),
    path("children/<uuid:student_id>/looks/", looks.looks, name="child-looks"),
    path("children/<uuid:student_id>/bond/end/", bond.end, name="bond-end"),
    path("cards/", cards.cards, name="family-cards"),
    path("cards/<int:card_id>/freeze/", cards.freeze, name="card-freeze"),
    path("cards/<int:card_id>/thaw/", cards.thaw, name="card-thaw"),
    path("cards/<int:card_id>/loss/", cards.lost, name="card-loss"),
    path("consents/", consents.agreed, name="family-consents"),
    path("services/", services.services, name="family-services"),
    path("services/<uuid:service_id>/", services.service, name="family-service"),
    path("services/<uuid:service_id>/withdrawal/", services.withdrawal, name="family-service-withdrawal"),
    path("settings/", settings.settings, name="family-settings"),
    path("settings/addresses/new/", addresses.add, name="address-new"),
    path("settings/line/", line.connect, name="address-line"),
    path("settings/line/link/", line.link, name="line-link"),
    path("settings/addresses/<int:address_id>/line/", line.again, name="address-line-again"),
    path("settings/addresses/<int:address_id>/code/", addresses.code, name="address-code"),
    path("settings/addresses/<int:address_id>/removal/", addresses.remove, name="address-removal"),
]
