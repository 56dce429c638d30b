"""The names that every page asks for; nothing answers here."""

from django.http import HttpRequest, HttpResponse
from django.urls import path


def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("language/", nothing, name="set_language"),
    path("manifest.webmanifest", nothing, name="manifest"),
    path("sign-out/", nothing, name="account_logout"),
]
