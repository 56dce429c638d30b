from django.contrib import admin
from django.urls import include, path

from gatepost.portals.language import choose_language

urlpatterns = [
    path("operator/admin/", admin.site.urls),
    path("language/", choose_language, name="set_language"),
    path("", include("gatepost.portals.urls")),
]

handler500 = "gatepost.portals.away.failed"
