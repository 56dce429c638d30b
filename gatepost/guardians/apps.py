from django.apps import AppConfig


class GuardiansConfig(AppConfig):
    name = "gatepost.guardians"

    def ready(self) -> None:
        """Tell the post office what is said about bonds."""
        from gatepost.guardians.notices import TOPICS
        from gatepost.notify import topics

        for topic in TOPICS:
            topics.register(topic)
