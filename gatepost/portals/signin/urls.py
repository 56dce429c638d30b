from django.urls import path

from gatepost.portals.signin import (
    activation,
    again,
    devices,
    firstsignin,
    forgotten,
    home,
    own_factor,
    own_password,
    password,
    second_factor,
)

urlpatterns = [
    path("sign-in/", password.sign_in, name="account_login"),
    path("sign-in/code/", second_factor.ask, name="mfa_authenticate"),  # the library's name for it
    path("sign-in/second-factor/", second_factor.set_up, name="second-factor-new"),
    path("sign-in/second-factor/codes/", second_factor.codes, name="second-factor-codes"),
    path("sign-in/again/", again.again, name="sign-in-again"),
    path("sign-out/", password.sign_out, name="account_logout"),
    path("forgotten-password/", forgotten.ask, name="forgotten"),
    path("forgotten-password/new/", forgotten.set_new, name="forgotten-new"),
    path("forgotten-password/<str:token>/", forgotten.link, name="forgotten-link"),
    path("activate/", activation.activate, name="activate"),
    path("activate/again/", activation.again, name="activation-again"),
    path("activate/<str:token>/", activation.link, name="activation-link"),
    path("first-sign-in/", firstsignin.first, name="first-sign-in"),
    path("first-sign-in/code/", firstsignin.code, name="first-sign-in-code"),
    path("second-factor/", own_factor.own, name="own-factor"),
    path("second-factor/codes/", own_factor.codes, name="own-factor-codes"),
    path("second-factor/off/", own_factor.off, name="own-factor-off"),
    path("devices/", devices.all_of_them, name="devices"),
    path("devices/end-others/", devices.end_others, name="devices-end-others"),
    path("devices/<int:device_id>/end/", devices.end, name="device-end"),
    path("password/", own_password.change, name="own-password"),
    path("home/", home.home, name="home"),
]
