"""What a line of the log looks like: for people, or as JSON for machines. Ids only, whoever wrote the line.

Our own lines are `words and words key=%s key=%d`: the words are the event, the keys its fields. Values of ours are ids,
codes and counts. Libraries put anything into theirs (paths, values, mail addresses), so of their lines only the fixed
words are kept, except where a library is known to speak of machines alone. Of an error its kind and its place are kept,
not its text: PostgreSQL quotes the row that broke a rule.
"""

import json
import logging
import re
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

# The request that is being answered, if any; set by the outermost middleware.
request_id: ContextVar[str] = ContextVar("request_id", default="")

OURS = "gatepost"
# Libraries whose lines are about connections and servers, never about people.
TRUSTED = ("psycopg.pool", "_granian", "granian")
# Django's lines about suspicious requests, which have what was sent in their words already; the name says it all.
FILLED_IN = "django.security."
FRAMES_MAX = 30
_FIELD = re.compile(r"\b(\w+)=%[-#0 +.\d]*[a-z]")


class JsonLine(logging.Formatter):
    """One JSON object a line: time, level, logger, event, fields, and the request where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": _event(record) or record.module,
            **_fields(record),
        }
        if request_id.get():
            line["request"] = request_id.get()
        if record.exc_info and record.exc_info[0]:
            line["error"] = list(_kinds(record.exc_info[1]))
            line["at"] = _frames(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False, default=str)


class PlainLine(logging.Formatter):
    """The same for people: `time LEVEL logger event key=value`, an error's kind and place below it."""

    def format(self, record: logging.LogRecord) -> str:
        said = [_event(record), *(f"{key}={value}" for key, value in _fields(record).items())]
        if request_id.get():
            said.append(f"request={request_id.get()}")
        text = _one_line(f"{self.formatTime(record)} {record.levelname} {record.name} {' '.join(filter(None, said))}")
        if record.exc_info and record.exc_info[0]:
            text += "\n    " + "\n    ".join([*_frames(record.exc_info[2]), " <- ".join(_kinds(record.exc_info[1]))])
        return text


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == OURS or record.name.startswith(f"{OURS}.")


def _event(record: logging.LogRecord) -> str:
    """The fixed words of a line, without its fields and without anything that was filled in."""
    if record.name.startswith(TRUSTED):
        return record.getMessage()
    if record.name.startswith(FILLED_IN):
        return record.name.rpartition(".")[2]
    if not _is_ours(record) and hasattr(record, "request"):
        return "request answered"
    words = _FIELD.sub("", str(record.msg)) if _is_ours(record) else str(record.msg)
    return _one_line(words)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    if _is_ours(record) and isinstance(record.args, tuple):
        names = _FIELD.findall(str(record.msg))
        if len(names) == len(record.args):
            return {name: _plain(value) for name, value in zip(names, record.args, strict=True)}
    request = getattr(record, "request", None)
    return _of_request(request, getattr(record, "status_code", None)) if request is not None else {}


def _of_request(request: Any, status: int | None) -> dict[str, Any]:
    """Which page, not which address: an address can hold a token, or what somebody typed."""
    match = getattr(request, "resolver_match", None)
    return {"status": status, "method": getattr(request, "method", ""), "page": match.view_name if match else "none"}


def _plain(value: object) -> object:
    return value if isinstance(value, int | float | bool) or value is None else _one_line(str(value))


def _kinds(error: BaseException | None) -> Iterator[str]:
    """The kinds of an error and of what caused it; of PostgreSQL's the code and the rule that was broken."""
    for _ in range(5):
        if error is None:
            return
        state, diagnosis = getattr(error, "sqlstate", None), getattr(error, "diag", None)
        rule = getattr(diagnosis, "constraint_name", None)
        yield " ".join(filter(None, [type(error).__name__, state, rule]))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _frames(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-FRAMES_MAX:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _one_line(text: str) -> str:
    """Without line ends and other control characters: nobody writes lines of ours but us."""
    return "".join(c if c.isprintable() else " " for c in text).strip()
