from django.urls import path

from gatepost.portals.sso import authorize, device, directory, endpoints, logo, logout

urlpatterns = [
    path(".well-known/openid-configuration", endpoints.discovery, name="sso-discovery"),
    path(".well-known/oauth-authorization-server", endpoints.discovery, name="sso-metadata"),
    path("sso/keys", endpoints.key_set, name="sso-keys"),
    path("sso/authorize", authorize.authorize, name="sso-authorize"),
    path("sso/consent", authorize.consent, name="sso-consent"),
    path("sso/token", endpoints.token, name="sso-token"),
    path("sso/userinfo", endpoints.userinfo, name="sso-userinfo"),
    path("sso/revocation", endpoints.revocation, name="sso-revocation"),
    path("sso/introspection", endpoints.introspection, name="sso-introspection"),
    path("sso/end-session", logout.end_session, name="sso-end-session"),
    path("sso/end-session/", logout.end_session, name="sso-end-session-slash"),  # Kolibri adds one
    path("sso/sign-out", logout.sign_out, name="sso-sign-out"),
    path("sso/device-authorization", device.ask, name="sso-device-authorization"),
    path("device/", device.device, name="device"),
    path("sso/schools", directory.schools, name="sso-schools"),
    path("sso/logo/<uuid:service_id>", logo.logo, name="service-logo"),
]
