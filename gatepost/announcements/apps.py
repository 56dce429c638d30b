from django.apps import AppConfig


class AnnouncementsConfig(AppConfig):
    name = "gatepost.announcements"
