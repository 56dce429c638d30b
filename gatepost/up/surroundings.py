"""What a command needs to know of the Gatepost that runs beside it.

`gatepost simulate` typed in a second terminal must find the same database, keys and ports as the web process that
`gatepost up` started. On a city's servers the environment says it all, and nothing here changes that.
"""

import os

from gatepost.up.envfile import read_env
from gatepost.up.lock import holder
from gatepost.up.places import Places
from gatepost.up.trouble import StartError

NO_DATABASE = "No database: start Gatepost first (`make up`, in another terminal), or set DATABASE_URL."


def join(places: Places) -> None:
    """Add to our environment what the installation in `var/` says; what the environment already says stays.

    Raises `StartError` when no database is known.
    """
    told = read_env(places.keys)
    if holder(places.lock):
        told |= read_env(places.running)
    for name, value in told.items():
        if not os.environ.get(name, "").strip() and not os.environ.get(f"{name}_FILE", "").strip():
            os.environ[name] = value
    if not os.environ.get("DATABASE_URL", "").strip():
        raise StartError(NO_DATABASE)
