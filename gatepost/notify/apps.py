from django.apps import AppConfig


class NotifyConfig(AppConfig):
    name = "gatepost.notify"

    def ready(self) -> None:
        """What the post office itself has to say."""
        from gatepost.notify import losses, topics

        for topic in losses.TOPICS:
            topics.register(topic)
