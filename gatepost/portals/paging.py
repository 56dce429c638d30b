from typing import Any

from django.core.paginator import Page
from django.http import HttpRequest


def pager(request: HttpRequest, shown: Page[Any]) -> dict[str, Any] | None:
    """The pager's context, or None where one page holds all. What was filtered stays filtered."""
    if shown.paginator.num_pages == 1:
        return None
    return {
        "page": shown.number,
        "pages": shown.paginator.num_pages,
        "previous_url": _url(request, shown.previous_page_number()) if shown.has_previous() else "",
        "next_url": _url(request, shown.next_page_number()) if shown.has_next() else "",
    }


def _url(request: HttpRequest, number: int) -> str:
    query = request.GET.copy()
    query["page"] = str(number)
    return f"?{query.urlencode()}"
