from django.apps import AppConfig


class CircularsConfig(AppConfig):
    name = "gatepost.circulars"

    def ready(self) -> None:
        """Tell the post office what schools write to families."""
        from gatepost.circulars.notices import TOPICS
        from gatepost.notify import topics

        for topic in TOPICS:
            topics.register(topic)
