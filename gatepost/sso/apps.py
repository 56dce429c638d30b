from django.apps import AppConfig


class SsoConfig(AppConfig):
    name = "gatepost.sso"

    def ready(self) -> None:
        """A browser that is signed out here is signed out everywhere."""
        from gatepost.sso import sessions

        sessions.follow_our_own()
