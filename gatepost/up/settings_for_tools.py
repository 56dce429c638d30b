"""Django's settings for tools that read them but touch no data: the type checker, `makemigrations --check`.

The real settings refuse to load without secrets and a database; these have keys that open nothing and a database
nowhere.
"""

import os

from gatepost.up.worthless_keys import worthless_keys

os.environ.update({**worthless_keys(), "DATABASE_URL": "postgresql:///nowhere"})

from gatepost.config.settings import *  # noqa: F403

DATABASES = {"default": {"ENGINE": "django.db.backends.dummy"}}  # nobody waits for one that is not there
