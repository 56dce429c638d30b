from django.apps import AppConfig


class NotifyConfig(AppConfig):
    name = "gatepost.notify"
