"""What processes that serve have in common: their code, and how much they take on."""

import gc
import importlib
import os
import resource
from typing import Any

# Connections that one process holds at a time. granian would take no more than the backlog, and a thousand that say
# nothing (or a city's readers, which keep theirs open) would shut out everybody else.
CONNECTIONS_MAX = 16_384
FILES_KEPT_FREE = 256  # for the database and for what else a process opens
FINISH_SECONDS_MAX = 5


def connections_max() -> int:
    """As many as we may have files open, and no more than `CONNECTIONS_MAX`; asks for as many as we are allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + FILES_KEPT_FREE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return CONNECTIONS_MAX if soft == resource.RLIM_INFINITY else max(64, min(CONNECTIONS_MAX, soft - FILES_KEPT_FREE))


def load(target: str) -> Any:
    """What `module:name` names, with what is loaded by it kept out of the collector's way."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gatepost.config.settings")
    module, _, name = target.partition(":")
    application = getattr(importlib.import_module(module), name)
    gc.collect()
    gc.freeze()  # what is loaded now stays: the collector need not walk it for every few hundred taps
    return application
