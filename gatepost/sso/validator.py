"""Our answers to the questions the library asks: which code, token and service count, and what they open.

Each token hangs on a session of one browser at one service (`sessions`). A code is locked while it is redeemed, a
refresh token while it is renewed, so the views that ask must hold a transaction. The library passes no time; this is
an edge, and looks at the clock itself.
"""

import hashlib
import hmac
import uuid
from datetime import datetime, timedelta
from typing import Any

from oauth2_provider.models import set_token_value
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.settings import oauth2_settings
from oauthlib.oauth2.rfc6749.errors import InvalidGrantError
from oauthlib.oauth2.rfc8628 import errors as device_errors

from gatepost.access import queries
from gatepost.kit.clock import utc_now
from gatepost.sso import claims, consents, devices, keys, sessions, subjects
from gatepost.sso.models import AccessToken, Grant, RefreshToken, Service, ServiceSession
from gatepost.sso.scopes import CHILDREN

_UNANSWERED = {
    "pending": device_errors.AuthorizationPendingError,
    "slow_down": device_errors.SlowDownError,
    "refused": device_errors.AccessDenied,
    "expired": device_errors.ExpiredTokenError,
    "unknown": InvalidGrantError,
}
CODE_LIVES = timedelta(seconds=60)
# How the person signed in, as a level: with a second factor or a passkey, or with less (RFC 8176, RFC 6711).
STRONG = frozenset({"mfa", "hwk"})


def secret_digest(secret: str) -> str:
    """What is kept of a service's secret. It has 256 random bits: nothing slow is needed to keep it from guessing."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Validator(OAuth2Validator):  # type: ignore[misc]
    """The library's validator on our tables. `request` is the library's own; we hang `grant` and `session` on it."""

    # Which service

    def _load_application(self, client_id: str | None, request: Any) -> Any:
        return None if not client_id or "\0" in client_id else super()._load_application(client_id, request)

    def _check_secret(self, provided_secret: str, stored_secret: str) -> bool:
        return bool(stored_secret) and hmac.compare_digest(secret_digest(provided_secret), stored_secret)

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        return bool(request.client.pkce_required)

    # Whether somebody is signed in, and has given this already, is asked by the page that starts it.

    def validate_silent_login(self, request: Any) -> bool:
        return True

    def validate_silent_authorization(self, request: Any) -> bool:
        return True

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Any, *a: Any, **k: Any
    ) -> bool:
        """The last the library asks before it gives a token: here a device's request must have been answered."""
        if not super().validate_grant_type(client_id, grant_type, client, request, *a, **k):
            return False
        if grant_type == devices.GRANT:
            self._redeem_device(request)
        return True

    def _redeem_device(self, request: Any) -> None:
        now = utc_now()
        try:
            asked = devices.redeem(str(getattr(request, "device_code", None) or ""), request.client, now=now)
        except devices.Unanswered as unanswered:
            raise _UNANSWERED[unanswered.code](request=request) from unanswered
        assert asked.session is not None  # noqa: S101 - a constraint of the table
        if not self._stands(asked.session, asked.scopes, now):
            raise _UNANSWERED["unknown"](request=request)
        request.user, request.scopes, request.session = asked.session.account, asked.scopes, asked.session

    # Codes

    def save_authorization_code(self, client_id: str, code: dict[str, str], request: Any, *_a: Any, **_k: Any) -> None:
        Grant.objects.create(
            application=request.client,
            user=request.user,
            session=request.session,
            code=code["code"],
            expires=utc_now() + CODE_LIVES,
            redirect_uri=request.redirect_uri,
            scope=" ".join(request.scopes),
            code_challenge=request.code_challenge or "",
            code_challenge_method=request.code_challenge_method or "",
            nonce=request.nonce or "",
            claims="{}",
        )

    def validate_code(self, client_id: str, code: str, client: Service, request: Any, *_a: Any, **_k: Any) -> bool:
        """One code is good once. When it comes back, whoever has it should not: what it gave ends (RFC 6749 4.1.2)."""
        grant = self._grant(code, client, request)
        if grant is None:
            return False
        now = utc_now()
        if grant.used_at is not None:
            sessions.end_tokens(grant.session, now=now)
            return False
        # A verifier for a code that was asked for without a challenge: somebody cut it out on the way (RFC 9700 4.8).
        is_downgraded = bool(request.code_verifier) and not grant.code_challenge
        if grant.expires <= now or is_downgraded or not self._stands(grant.session, grant.scope.split(), now):
            return False
        request.user, request.scopes, request.session = grant.user, grant.scope.split(), grant.session
        request.nonce = grant.nonce or None
        return True

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, client: Any, request: Any, **_k: Any
    ) -> bool:
        return bool(request.grant.redirect_uri == redirect_uri)

    def get_code_challenge(self, code: str, request: Any) -> str | None:
        return request.grant.code_challenge or None

    def get_code_challenge_method(self, code: str, request: Any) -> str | None:
        return request.grant.code_challenge_method or None

    def get_authorization_code_scopes(self, client_id: str, code: str, redirect_uri: str, request: Any) -> list[str]:
        """Asked before the service has proven who it is: so that the library knows which kind of grant it is."""
        found = Grant.objects.filter(code=code).values_list("scope", flat=True).first()
        return found.split() if found else []

    def get_authorization_code_nonce(self, client_id: str, code: str, redirect_uri: str, request: Any) -> str | None:
        return request.grant.nonce or None

    def invalidate_authorization_code(self, client_id: str, code: str, request: Any, *_a: Any, **_k: Any) -> None:
        Grant.objects.filter(pk=request.grant.pk).update(used_at=utc_now())

    def _grant(self, code: str, client: Service, request: Any) -> Grant | None:
        held = Grant.objects.select_for_update(of=("self",)).select_related("session__account")
        found = request.grant = held.filter(code=code, application=client).first()
        if found is not None:
            found.user, found.session.service = found.session.account, client
        return found

    # Tokens

    def validate_refresh_token(self, refresh_token: str, client: Service, request: Any, *a: Any, **k: Any) -> bool:
        """Another service's token is nothing to this one; a used one ends its whole family (RFC 9700 4.14.2)."""
        checksum = hashlib.sha256(refresh_token.encode()).hexdigest()
        mine = RefreshToken.objects.select_for_update().filter(token_checksum=checksum, application=client)
        held = list(mine.values_list("session_id", flat=True))
        if not held or not super().validate_refresh_token(refresh_token, client, request, *a, **k):
            return False
        request.session = ServiceSession.objects.select_related("account").get(pk=held[0])
        request.session.service = client
        return self._stands(request.session, self.get_original_scopes(refresh_token, request), utc_now())

    def get_original_scopes(self, refresh_token: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        """The library knows them as one text, or as a list where there are none."""
        found = super().get_original_scopes(refresh_token, request, *args, **kwargs)
        return found.split() if isinstance(found, str) else list(found)

    def validate_bearer_token(self, token: str, scopes: list[str], request: Any) -> bool:
        if not super().validate_bearer_token(token, scopes, request):
            return False
        held: AccessToken = request.access_token
        given = held.scope.split()
        if held.session is None:  # a machine's own
            if set(given) <= set(held.application.scopes):
                return True
        elif self._stands(held.session, given, utc_now()):
            return True
        self._set_oauth2_error_on_request(request, None, scopes)
        return False

    def _load_access_token(self, token: str) -> AccessToken | None:
        """With all that is asked about it, at once."""
        checksum = hashlib.sha256(token.encode()).hexdigest()
        held = AccessToken.objects.select_related("application", "session__account")
        found = held.filter(token_checksum=checksum).first()
        if found is not None and found.session is not None:
            found.user, found.session.service = found.session.account, found.application
        return found

    def _stands(self, session: ServiceSession, scopes: list[str], now: datetime) -> bool:
        """Whether the person is still signed in here as well as their roles ask, gives all this, and may each child.

        What was taken back took the tokens with it; but a code that was being made at that moment stands on nothing.
        """
        given = sessions.given_in(session)
        if given is None or not set(scopes) <= set(given):
            return False
        if queries.lacks_second_factor(session.account, session.factor):
            return False
        return CHILDREN not in scopes or not consents.settle(session.account_id, session.service_id, now=now)

    def save_bearer_token(self, token: dict[str, Any], request: Any, *args: Any, **kwargs: Any) -> None:
        """The views hold a transaction already; the library would open another one in it."""
        self._save_bearer_token(token, request, *args, **kwargs)

    def _save_bearer_token(self, token: dict[str, Any], request: Any, *_a: Any, **_k: Any) -> None:
        """A new pair on the session's row; the refresh token it came from is used up."""
        used = getattr(request, "refresh_token_instance", None)
        if not isinstance(used, RefreshToken):  # a parameter of that name is nothing to us
            used = None
        else:
            used.revoke()
        held = {"application": request.client, "user": None, "session": None}
        if not request.client.is_machine:
            held |= {"user": request.user, "session": request.session}
        access = AccessToken(scope=token["scope"], expires=utc_now() + timedelta(seconds=token["expires_in"]), **held)
        access.source_refresh_token = used
        set_token_value(access, token["access_token"])
        access.save()
        if "refresh_token" in token:
            family = used.token_family if used is not None else uuid.uuid4()
            refresh = RefreshToken(access_token=access, token_family=family, **held)
            set_token_value(refresh, token["refresh_token"])
            refresh.save()
        if request.grant_type == devices.GRANT:  # the library knows of no ID token here
            token["id_token"] = self.finalize_id_token({}, token, None, request)

    # What they say

    def finalize_id_token(self, id_token: dict[str, Any], token: Any, token_handler: Any, request: Any) -> str:
        """Who signed in, when and how. Everything else is asked for at userinfo, so that it is never old."""
        now, session = utc_now(), request.session
        lives = oauth2_settings.ID_TOKEN_EXPIRE_SECONDS
        told = {
            **id_token,
            "iss": oauth2_settings.OIDC_ISS_ENDPOINT,
            "aud": request.client.client_id,
            "sub": subjects.of_account(request.client.pk, request.user.pk),
            "iat": int(now.timestamp()),
            "exp": int(now.timestamp()) + lives,
            "auth_time": int(session.signed_in_at.timestamp()),
            "amr": session.methods,
            "acr": "2" if STRONG & set(session.methods) else "1",
            "sid": str(session.pk),
            "jti": str(uuid.uuid4()),
        }
        return keys.sign(told, kind="JWT", now=now)

    def get_userinfo_claims(self, request: Any) -> dict[str, Any]:
        return claims.of(request.user, request.client, request.access_token.scope.split())
