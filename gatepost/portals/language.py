from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from gatepost.access.doors import PUBLIC, open_to
from gatepost.accounts.models import Account


class AccountLanguageMiddleware:
    """A signed-in person is spoken to in the language of their account, whatever the browser prefers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            translation.activate(request.user.language)
            request.LANGUAGE_CODE = translation.get_language()
        return self.get_response(request)


@open_to(PUBLIC)
@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Speak `language` from now on: to this browser, and in pages and messages to the account that is signed in."""
    chosen = request.POST.get("language", "")
    if isinstance(request.user, Account) and chosen in dict(settings.LANGUAGES):
        request.user.language = chosen
        request.user.save(update_fields=["language"])
    return set_language(request)
