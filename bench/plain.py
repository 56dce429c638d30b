"""The reference: a Django site with one view and one INSERT a request."""

import json
import os

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from bench.database import described

if not settings.configured:
    settings.configure(
        SECRET_KEY="bench",  # noqa: S106 - guards nothing
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": {**described(os.environ["DATABASE_URL"]), "CONN_MAX_AGE": None}},
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        USE_TZ=True,
    )
    django.setup(set_prefix=False)


@csrf_exempt
def taps(request: HttpRequest) -> HttpResponse:
    """One tap, one INSERT."""
    tap = json.loads(request.body)["taps"][0]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_tap (reader_id, nonce, card, read_at) VALUES (1, %s, %s, %s)",
            [tap["nonce"], tap["card"], tap["read_at"]],
        )
    return JsonResponse({"received": 1})


urlpatterns = [path("taps", taps)]
application = WSGIHandler()
