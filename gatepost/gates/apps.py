from django.apps import AppConfig


class GatesConfig(AppConfig):
    name = "gatepost.gates"
