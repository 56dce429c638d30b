from django.apps import AppConfig


class PortalsConfig(AppConfig):
    name = "gatepost.portals"

    def ready(self) -> None:
        """Name the operator's tables (no others are shown: libraries do not add theirs), and follow sign-ins."""
        from gatepost.portals.operator import tables  # noqa: F401
        from gatepost.portals.signin import closing, devices

        devices.follow_sign_ins()
        closing.follow_sign_ins()
