"""Django's pages behind ASGI, each answered in one go by one of a few threads.

Django's own handler gives every request a new thread and goes there and back for each middleware that could also run
without one: a dozen changes of thread for a page. Every view and middleware of ours is synchronous, so a page changes
thread once.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.db import connection
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

# More than the database's connections: a page that waits for one must not keep others, such as the health's, waiting.
THREADS = 32

# For one of those connections. Somebody looks at an empty screen meanwhile, and while the database is away each page
# holds a thread that long; a loop of the worker has more patience (`config.settings`).
CONNECTION_SECONDS = 4.0


class Pages(ASGIHandler):
    """An ASGI application for HTTP alone. An answer is whole before it is sent; nothing of ours streams."""

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        connection.pool.timeout = CONNECTION_SECONDS  # type: ignore[attr-defined]  # PostgreSQL's have one
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="page")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        answer = await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, scope, body)
        await self.send_response(answer, send)

    def _answer(self, scope: Any, body: Any) -> HttpResponseBase:
        request: Any
        response: HttpResponseBase
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        response = refusal or self.get_response(request)
        try:
            return _whole(response)
        finally:
            response.close()  # gives the database's connection back, in the thread that took it


def _whole(response: HttpResponseBase) -> HttpResponseBase:
    """`response`, or one like it that holds the file which `response` would read as it is sent."""
    if not response.streaming:
        return response
    held = HttpResponse(b"".join(response), status=response.status_code, headers=dict(response.items()))
    if not response.has_header("Content-Type"):
        del held["Content-Type"]  # Django would say one where a file that is not sent again has none
    held.cookies = response.cookies
    return held
