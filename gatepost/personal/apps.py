from django.apps import AppConfig


class PersonalConfig(AppConfig):
    name = "gatepost.personal"
