from django.apps import AppConfig


class PortalsConfig(AppConfig):
    name = "gatepost.portals"

    def ready(self) -> None:
        """Name the operator's tables. No others are shown: libraries do not add theirs by themselves."""
        from gatepost.portals.operator import tables  # noqa: F401
