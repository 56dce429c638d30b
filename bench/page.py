"""The reference of the pages: a Django site with one page that asks one query, with the middleware of a new project."""

import os

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from bench.database import described

if not settings.configured:
    settings.configure(
        SECRET_KEY="bench",  # noqa: S106 - guards nothing
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        DATABASES={
            "default": {**described(os.environ["DATABASE_URL"]), "OPTIONS": {"pool": {"min_size": 0, "max_size": 8}}}
        },
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        USE_TZ=True,
    )
    django.setup(set_prefix=False)

TEMPLATE = """<!doctype html><html lang="zh-Hant"><title>公告</title><h1>公告</h1>
<ul>{% for title, at in rows %}<li><a href="#">{{ title }}</a> <time>{{ at|date:"Y-m-d" }}</time>{% endfor %}</ul>"""


def page(request: HttpRequest) -> HttpResponse:
    """One query, one template."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT title, published_at FROM announcements_announcement WHERE school_id IS NULL"
            " ORDER BY published_at DESC LIMIT 20"
        )
        rows = cursor.fetchall()
    return HttpResponse(engines["django"].from_string(TEMPLATE).render({"rows": rows}, request))


urlpatterns = [path("page", page)]
application = get_asgi_application()
