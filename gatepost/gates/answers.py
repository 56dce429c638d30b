"""What the door says to a reader, before it is put into HTTP."""

from http import HTTPStatus
from typing import NamedTuple

import msgspec

_encode = msgspec.json.Encoder().encode
_RETRY_AFTER = {429: b"5", 503: b"10"}


Headers = tuple[tuple[bytes, bytes], ...]


class Answer(NamedTuple):
    """A status, what belongs into the headers beside length and kind, and the words."""

    status: int
    content: bytes
    headers: "Headers"


class Refusal(Exception):
    """The whole request is refused; becomes an RFC 9457 problem document. `allow`: the methods that are taken."""

    def __init__(self, status: int, title: str, detail: str, *, allow: bytes | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.allow = allow


_EVERY: Headers = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_JSON: Headers = ((b"content-type", b"application/json"), *_EVERY)
_PROBLEM: Headers = ((b"content-type", b"application/problem+json"), *_EVERY)


def good(content: bytes, status: int = HTTPStatus.OK) -> Answer:
    """JSON that is no problem document."""
    return Answer(status, content, _JSON)


def problem(refusal: Refusal) -> Answer:
    """The problem document of `refusal`, with the headers that its status asks for."""
    headers = _PROBLEM
    if refusal.status in _RETRY_AFTER:
        headers = (*headers, (b"retry-after", _RETRY_AFTER[refusal.status]))
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers = (*headers, (b"www-authenticate", b"Bearer"))
    if refusal.allow:
        headers = (*headers, (b"allow", refusal.allow))
    content = _encode(
        {"type": "about:blank", "title": refusal.title, "status": refusal.status, "detail": refusal.detail}
    )
    return Answer(refusal.status, content, headers)
