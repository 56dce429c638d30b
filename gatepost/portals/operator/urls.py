from django.urls import path

from gatepost.portals.operator import health

urlpatterns = [path("", health.health, name="operator-health")]
