from django.urls import path

from gatepost.portals.operator import health
from gatepost.portals.people.offices import at_platform
from gatepost.portals.people.urls import under

urlpatterns = [path("", health.health, name="operator-health"), *under(at_platform, "operator")]
