from django.apps import AppConfig


class AttendanceConfig(AppConfig):
    name = "gatepost.attendance"

    def ready(self) -> None:
        """Tell the post office what attendance has to say."""
        from gatepost.attendance import digests, stopped
        from gatepost.attendance.notices import TOPICS
        from gatepost.notify import topics

        for topic in (*TOPICS, stopped.TOPIC, digests.TOPIC):
            topics.register(topic)
