from django.apps import AppConfig


class AttendanceConfig(AppConfig):
    name = "gatepost.attendance"

    def ready(self) -> None:
        """Tell the post office what attendance has to say."""
        from gatepost.attendance import stopped
        from gatepost.attendance.notices import TOPICS
        from gatepost.notify import topics

        for topic in (*TOPICS, stopped.TOPIC):
            topics.register(topic)
