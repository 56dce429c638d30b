from django.urls import path

from gatepost.portals.guardian import addresses, child, home, settings

urlpatterns = [
    path("", home.family, name="family"),
    path("children/<uuid:student_id>/", child.today, name="child"),
    path("children/<uuid:student_id>/days/<date:day>/", child.one_day, name="child-day"),
    path("settings/", settings.settings, name="family-settings"),
    path("settings/addresses/new/", addresses.add, name="address-new"),
    path("settings/addresses/<int:address_id>/code/", addresses.code, name="address-code"),
    path("settings/addresses/<int:address_id>/removal/", addresses.remove, name="address-removal"),
]
