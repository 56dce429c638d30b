from django.urls import path

from gatepost.portals.signin import home, password

urlpatterns = [
    path("sign-in/", password.sign_in, name="account_login"),
    path("sign-out/", password.sign_out, name="account_logout"),
    path("home/", home.home, name="home"),
]
