from django.apps import AppConfig


class GuardiansConfig(AppConfig):
    name = "gatepost.guardians"

    def ready(self) -> None:
        """Tell the post office what is said about bonds, and who reads what comes back of our own mails."""
        from gatepost.guardians.applications import emails
        from gatepost.guardians.notices import TOPICS
        from gatepost.notify import receipts, topics

        for topic in TOPICS:
            topics.register(topic)
        receipts.also(emails.bounced)
