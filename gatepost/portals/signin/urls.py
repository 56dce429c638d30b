from django.urls import path

from gatepost.portals.signin import activation, firstsignin, home, password

urlpatterns = [
    path("sign-in/", password.sign_in, name="account_login"),
    path("sign-out/", password.sign_out, name="account_logout"),
    path("activate/", activation.activate, name="activate"),
    path("activate/again/", activation.again, name="activation-again"),
    path("activate/<str:token>/", activation.link, name="activation-link"),
    path("first-sign-in/", firstsignin.first, name="first-sign-in"),
    path("first-sign-in/code/", firstsignin.code, name="first-sign-in-code"),
    path("home/", home.home, name="home"),
]
