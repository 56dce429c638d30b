from django.apps import AppConfig


class NotifyConfig(AppConfig):
    name = "gatepost.notify"

    def ready(self) -> None:
        """What the post office itself has to say; and a browser that is signed out gets no more messages."""
        from gatepost.notify import checks, losses, receivers, topics

        for topic in (*losses.TOPICS, *checks.TOPICS):
            topics.register(topic)
        receivers.follow_sessions()
