"""Django's settings, read strictly from the environment; `gatepost doctor` says what is missing.

Every variable is listed in `docs/settings.md`.
"""

import hmac
import ipaddress
from datetime import timedelta
from pathlib import Path

import psycopg.conninfo
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from gatepost.config import line
from gatepost.kit.connections import NOTICE_SILENCE
from gatepost.kit.environment import (
    env_bool,
    env_choice,
    env_int,
    env_list,
    env_problem,
    env_secret,
    env_settle,
    env_text,
    env_url,
    process_environment,
)
from gatepost.kit.passkey_home import passkey_home
from gatepost.kit.sealed import KeyRing
from gatepost.upstream import configured

METRICS_TOKEN_CHARACTERS_MIN = 20
SMPP_PASSWORD_CHARACTERS_MAX = 8  # 5.2.2 of SMPP 3.4

PACKAGE = Path(__file__).resolve().parent.parent

DEBUG = env_bool("GATEPOST_DEBUG", default=False)
DEMONSTRATION = env_bool("GATEPOST_DEMONSTRATION", default=False)  # invented city, mail catcher, open passwords
SECRET_KEY = env_secret("GATEPOST_SECRET_KEY")
SITE_URL = env_url("GATEPOST_URL", "http://127.0.0.1:8000").rstrip("/")
HTTPS = SITE_URL.startswith("https://")
ALLOWED_HOSTS = env_list("GATEPOST_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = [SITE_URL]
TRUSTED_PROXIES = env_int("GATEPOST_TRUSTED_PROXIES", 0, at_least=0, at_most=5)

_seal_keys = env_secret("GATEPOST_SEAL_KEYS")
_digest_key = env_secret("GATEPOST_DIGEST_KEY")
_database_url = env_url("DATABASE_URL", schemes=["postgresql", "postgres"])

METRICS_TOKEN = env_secret("GATEPOST_METRICS_TOKEN", "")  # empty: no figures for anybody
if METRICS_TOKEN and len(METRICS_TOKEN) < METRICS_TOKEN_CHARACTERS_MIN:
    env_problem("GATEPOST_METRICS_TOKEN", f"must have {METRICS_TOKEN_CHARACTERS_MIN} characters or more")

LOG_FORM = env_choice("GATEPOST_LOG", "plain", among=["plain", "json"])
LOG_LEVEL = env_choice("GATEPOST_LOG_LEVEL", "info", among=["debug", "info", "warning", "error"])

CHANNELS = ["email"]  # those that are switched on: each other one below, by its own settings
MAIL_FROM = env_text("GATEPOST_MAIL_FROM", "校門口 Gatepost <gatepost@gatepost.example>")
MAIL_BOUNCE_DOMAIN = env_text("GATEPOST_MAIL_BOUNCE_DOMAIN", "gatepost.example")
SMTP_HOST = env_text("GATEPOST_SMTP_HOST", "127.0.0.1")
SMTP_PORT = env_int("GATEPOST_SMTP_PORT", 1025, at_least=1, at_most=65535)
SMTP_USER = env_text("GATEPOST_SMTP_USER", "")
SMTP_PASSWORD = env_secret("GATEPOST_SMTP_PASSWORD", "")
SMTP_SECURITY = env_choice("GATEPOST_SMTP_SECURITY", "none", among=["none", "starttls", "tls"])
SMTP_CONNECTIONS = env_int("GATEPOST_SMTP_CONNECTIONS", 4, at_least=1, at_most=64)
DKIM_KEY = env_secret("GATEPOST_DKIM_KEY", "")  # a PEM private key; empty: mails are not signed
DKIM_SELECTOR = env_text("GATEPOST_DKIM_SELECTOR", "gatepost")

# LINE: the channel is on when its three settings are there.
LINE_CHANNEL_SECRET, LINE_ACCESS_TOKEN, LINE_ACCOUNT, LINE_API = line.read(
    process_environment, demonstration=DEMONSTRATION
)
if LINE_ACCOUNT:
    CHANNELS.append("line")

# Short messages: off, or over one of two gateways; a demonstration puts them into its mail catcher.
SMS = env_choice("GATEPOST_SMS", "off", among=["off", "smpp", "mitake", "mail"])
if SMS == "mail" and not DEMONSTRATION:
    env_problem("GATEPOST_SMS", "can be mail in a demonstration only")
SMS_USER = env_text("GATEPOST_SMS_USER", None if SMS in ("smpp", "mitake") else "")
SMS_PASSWORD = env_secret("GATEPOST_SMS_PASSWORD", None if SMS in ("smpp", "mitake") else "")
SMS_HOST = env_text("GATEPOST_SMS_HOST", None if SMS == "smpp" else "")
SMS_PORT = env_int("GATEPOST_SMS_PORT", 3550, at_least=1, at_most=65535)
SMS_SENDER = env_text("GATEPOST_SMS_SENDER", "")
SMS_TLS = env_bool("GATEPOST_SMS_TLS", default=True)
SMS_LONG = env_choice("GATEPOST_SMS_LONG", "udh", among=["udh", "payload"])
SMS_WINDOW = env_int("GATEPOST_SMS_WINDOW", 10, at_least=1, at_most=100)
SMS_URL = env_url("GATEPOST_SMS_URL", "https://smsapi.mitake.com.tw")
# Where Mitake's reports of what became of a message come from; empty: they are asked for, and none is taken.
SMS_REPORTS_FROM = []
for _network in env_list("GATEPOST_SMS_REPORTS_FROM", []):
    try:
        SMS_REPORTS_FROM.append(ipaddress.ip_network(_network))
    except ValueError:
        env_problem("GATEPOST_SMS_REPORTS_FROM", f"{_network} is no network address, like 203.0.113.0/24")
SMS_CODES_AN_HOUR = env_int("GATEPOST_SMS_CODES_AN_HOUR", 300, at_least=1, at_most=100_000)
if SMS == "smpp" and len(SMS_PASSWORD) > SMPP_PASSWORD_CHARACTERS_MAX:
    env_problem(
        "GATEPOST_SMS_PASSWORD", f"has more than {SMPP_PASSWORD_CHARACTERS_MAX} characters, which SMPP cannot say"
    )
if SMS == "mitake" and not SMS_URL.startswith("https://") and not DEMONSTRATION:
    env_problem("GATEPOST_SMS_URL", "must be https: the password is in it")
if SMS != "off":
    CHANNELS.append("sms")

# The city's documented way in. It opens nothing without a code from the proven mailbox: it proves what the link does.
FIRST_PASSWORD_BY_ID_NUMBER = env_bool("GATEPOST_FIRST_PASSWORD_BY_ID_NUMBER", default=True)

# Whoever holds a role other than teacher shows a second factor at every sign-in.
SECOND_FACTOR = env_choice("GATEPOST_SECOND_FACTOR", "required", among=["required", "off"])
if SECOND_FACTOR == "off" and not DEMONSTRATION:
    env_problem("GATEPOST_SECOND_FACTOR", "can be off in a demonstration only")
# Passkeys belong to a domain and are refused at any other. Browsers make none for an IP address or without HTTPS.
PASSKEY_ORIGIN, PASSKEY_DOMAIN = passkey_home(SITE_URL, env_text("GATEPOST_PASSKEY_DOMAIN", ""), env_problem)
# Services at http addresses of this machine, and logouts told to addresses that are not public: for trying things out,
# and for a city whose services stand inside its own network.
SERVICES_PRIVATE = env_bool("GATEPOST_SERVICES_PRIVATE", default=DEMONSTRATION)

# Identities of the city and the state to sign in with; each None where it is switched off.
TAIPEI_PASS = configured.taipei_pass(process_environment, demonstration=DEMONSTRATION)
TWFIDO = configured.twfido(process_environment, demonstration=DEMONSTRATION)
MOBILE_ID = configured.mobile_id(process_environment, demonstration=DEMONSTRATION)

# Who collects, and whom to ask (Personal Data Protection Act, Art. 8): on the privacy notice.
PRIVACY_BODY = env_text("GATEPOST_PRIVACY_BODY", "示範市教育局（虛構）" if DEMONSTRATION else "")
PRIVACY_CONTACT = env_text(
    "GATEPOST_PRIVACY_CONTACT", "privacy@gatepost.example · 02-5550-0100（虛構）" if DEMONSTRATION else ""
)

PUSH_CONTACT = env_text("GATEPOST_PUSH_CONTACT", "")  # whom push services ask in trouble; empty: no app messages
PUSH_PRIVATE = False  # push services at http addresses of this machine: for tests
if PUSH_CONTACT and not PUSH_CONTACT.startswith(("mailto:", "https:")):
    env_problem("GATEPOST_PUSH_CONTACT", "must begin with mailto: or https:")
if PUSH_CONTACT:
    CHANNELS.append("push")

# After how long without any proof an address is asked whether it still reaches its owner; 0: never.
REACH_CHECK_DAYS = env_int("GATEPOST_REACH_CHECK_DAYS", 30, at_least=0, at_most=365)
# Safety notices: how long what was sent has to be confirmed before the next way is tried.
LADDER_WAIT = timedelta(minutes=env_int("GATEPOST_LADDER_MINUTES", 5, at_least=1, at_most=60))

env_settle()

MAIL_BOUNCE_SECRET = hmac.digest(SECRET_KEY.encode(), b"return addresses", "sha256")

try:
    KEY_RING = KeyRing.parse(_seal_keys, _digest_key)
except ValueError as error:
    raise ImproperlyConfigured(f"GATEPOST_SEAL_KEYS, GATEPOST_DIGEST_KEY: {error}") from error


def _database(url: str) -> dict[str, object]:
    """Django's description of the database at `url` (anything libpq understands)."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    known = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    described: dict[str, object] = {name: str(parts.pop(key, "") or "") for key, name in known.items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        **described,
        # Under ASGI each request has a thread of its own: connections are pooled, not kept by threads.
        "OPTIONS": {
            **NOTICE_SILENCE,
            **parts,
            "application_name": "gatepost",
            "pool": {"min_size": 0, "max_size": 8, "timeout": 10, "reconnect_timeout": 5},
        },
    }


DATABASES = {"default": _database(_database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "gatepost.audit",
    "gatepost.watch",
    "gatepost.accounts",
    "gatepost.roster",
    "gatepost.notify",
    "gatepost.guardians",
    "gatepost.cards",
    "gatepost.gates",
    "gatepost.access",
    "gatepost.upstream",
    "gatepost.attendance",
    "gatepost.allowances",
    "gatepost.announcements",
    "gatepost.circulars",
    "gatepost.sso",
    "gatepost.surveys",
    "gatepost.personal",
    "gatepost.portals",
    "oauth2_provider",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "csp",
    "gatepost.portals.operator.apps.TablesConfig",  # Django's admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "gatepost.portals.edge.EdgeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "gatepost.portals.public.status.NobodyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "gatepost.portals.language.AccountLanguageMiddleware",
    "gatepost.portals.app.kept.KeptMiddleware",
    "gatepost.access.doors.DoorMiddleware",
    "gatepost.portals.signin.closing.ClosingMiddleware",
    "gatepost.portals.signin.devices.DeviceMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "gatepost.config.urls"
ASGI_APPLICATION = "gatepost.config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

AUTH_USER_MODEL = "accounts.Account"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",  # the admin's permissions
    "gatepost.accounts.backend.Backend",
]
PASSWORD_HASHERS = [
    *(["gatepost.accounts.passwords.DemonstrationArgon2id"] if DEMONSTRATION else []),
    "gatepost.accounts.passwords.Argon2id",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "gatepost.accounts.passwords.NotAnIdNumber"},
    {"NAME": "gatepost.accounts.passwords.NotATelephoneNumber"},
    {"NAME": "gatepost.accounts.passwords.NotOneOfTheLast"},
    {"NAME": "gatepost.accounts.passwords.HardToGuess"},
]

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "front"
ACCOUNT_ADAPTER = "gatepost.portals.signin.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # accounts come from the school's approval, whose addresses are proven there
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = "strict"
# A whole school sits behind one address on enrolment day: the limit per account is the tight one.
ACCOUNT_RATE_LIMITS = {"login": "600/m/ip", "login_failed": "300/m/ip,5/15m/key"}
MFA_ADAPTER = "gatepost.accounts.second_factor.SealedAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_TOTP_ISSUER = "Gatepost"
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES

# The provider's tables are ours (`gatepost.sso.models`): chosen before the first migration, once and for all.
OAUTH2_PROVIDER_APPLICATION_MODEL = "sso.Service"
OAUTH2_PROVIDER_GRANT_MODEL = "sso.Grant"
OAUTH2_PROVIDER_ACCESS_TOKEN_MODEL = "sso.AccessToken"  # noqa: S105
OAUTH2_PROVIDER_REFRESH_TOKEN_MODEL = "sso.RefreshToken"  # noqa: S105
OAUTH2_PROVIDER_ID_TOKEN_MODEL = "sso.IDToken"  # noqa: S105
OAUTH2_PROVIDER = {
    "OIDC_ENABLED": True,
    "OIDC_ISS_ENDPOINT": SITE_URL,  # never from a request: the worker has none, and whoever asks could choose it
    "OAUTH2_VALIDATOR_CLASS": "gatepost.sso.validator.Validator",
    "SCOPES_BACKEND_CLASS": "gatepost.sso.scopes.RegisteredScopes",
    "SCOPES": {"openid": "openid"},
    "DEFAULT_SCOPES": ["openid"],
    "OAUTH_PRE_TOKEN_VALIDATION": [],  # its one check is for devices, and falls over what is none
    "ACCESS_TOKEN_EXPIRE_SECONDS": 600,
    "ID_TOKEN_EXPIRE_SECONDS": 600,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 14 * 24 * 3600,  # as our own sessions, which they never outlive
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https", *(["http"] if SERVICES_PRIVATE else [])],
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
}

CACHES = {
    "default": {  # shared by all processes: rate limits must hold however many there are
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
    }
}

LANGUAGE_CODE = "zh-hant"
LANGUAGES = [("zh-hant", "繁體中文"), ("en", "English"), ("vi", "Tiếng Việt"), ("id", "Bahasa Indonesia")]
LOCALE_PATHS = [PACKAGE / "locale"]
FORMAT_MODULE_PATH = "gatepost.config.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Taipei"

STATIC_URL = "/static/"
STATIC_ROOT = Path(env_text("GATEPOST_STATIC_ROOT", str(PACKAGE.parent / "var" / "static")))
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

SECURE_SSL_REDIRECT = False  # the proxy in front redirects; health checks come without TLS
SECURE_HSTS_SECONDS = 63_072_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_ENGINE = "gatepost.accounts.sessions"
SESSION_COOKIE_NAME = "__Host-gatepost" if HTTPS else "gatepost"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "gatepost-csrf"
LANGUAGE_COOKIE_NAME = "__Host-language" if HTTPS else "gatepost-language"
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # in no cookie: they name children
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"()": "gatepost.kit.logs.PlainLine"}, "json": {"()": "gatepost.kit.logs.JsonLine"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORM}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "gatepost": {"level": LOG_LEVEL.upper()},
        "httpx": {"level": "WARNING"},
        "fido2": {"level": "WARNING"},
        # Django adds handlers of its own to these; ours are the only ones.
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
    },
}
