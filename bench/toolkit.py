"""The reference of the provider: `django-oauth-toolkit` as it comes, with OpenID Connect on, and codes to redeem."""

import json
import os
import sys
from datetime import timedelta

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import call_command
from django.urls import include, path
from django.utils import timezone

from bench.database import described

CALLBACK = "https://fees.example.org/callback"

if not settings.configured:
    settings.configure(
        SECRET_KEY="bench",  # noqa: S106 - guards nothing
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        DATABASES={
            "default": {**described(os.environ["TOOLKIT_URL"]), "OPTIONS": {"pool": {"min_size": 0, "max_size": 8}}}
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_RSA_PRIVATE_KEY": os.environ["TOOLKIT_KEY"],
            "SCOPES": {"openid": "openid", "profile": "profile"},
        },
        USE_TZ=True,
    )
    django.setup(set_prefix=False)


def prepare(users: int) -> dict[str, str]:
    """Tables, people, and one application whose secret is compared as it is: nothing slow stands in the way."""
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User
    from oauth2_provider.models import Application

    User.objects.bulk_create(User(username=f"person{number}", first_name="林淑芬") for number in range(users))
    application = Application.objects.create(
        name="fees",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris=CALLBACK,
        algorithm=Application.RS256_ALGORITHM,
        client_secret="0" * 64,
        hash_client_secret=False,
    )
    return {"id": application.client_id, "secret": "0" * 64}


def codes(start: int, count: int, challenge: str) -> list[str]:
    """Codes that somebody has just been given."""
    from django.contrib.auth.models import User
    from oauth2_provider.models import Application, Grant

    application, people = Application.objects.get(), list(User.objects.order_by("pk"))
    made = [
        Grant(
            application=application,
            user=people[number % len(people)],
            code=f"code{number}",
            expires=timezone.now() + timedelta(hours=1),
            redirect_uri=CALLBACK,
            scope="openid profile",
            code_challenge=challenge,
            code_challenge_method="S256",
            nonce="n",
        )
        for number in range(start, start + count)
    ]
    Grant.objects.bulk_create(made)
    return [one.code for one in made]


urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]
application = get_asgi_application()

if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        sys.stdout.write(json.dumps(prepare(int(sys.argv[2]))))
    else:
        sys.stdout.write(json.dumps(codes(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
