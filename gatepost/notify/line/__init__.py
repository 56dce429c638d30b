"""LINE, as the post office uses it.

carrier.py   notices as texts, as many as the month's messages allow
budget.py    the month's messages: how many there are, how many went, how many it will have been
links.py     an account and a LINE user, bound by an act of that user
events.py    what people did with our LINE account: added it, blocked it, linked it, wrote to it
"""

from django.conf import settings

from gatepost.channels.line.api import LineSettings


def line_settings() -> LineSettings:
    """How to reach LINE, as the settings describe it."""
    return LineSettings(access_token=settings.LINE_ACCESS_TOKEN, base_url=settings.LINE_API)
