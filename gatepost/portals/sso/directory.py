"""What a machine may read that speaks for nobody: the schools of the city and their classes, and no person."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.kit.clock import utc_now
from gatepost.portals.sso.protocol import core, error, is_unreadable, issuer
from gatepost.sso import directory
from gatepost.sso.scopes import SCHOOLS


@open_to(PUBLIC)
@require_safe
def schools(request: HttpRequest) -> HttpResponse:
    """The schools after the code `after`, a page at a time; `next` is the address of the following page."""
    if is_unreadable(request):
        return error("invalid_request", "A parameter holds a character that cannot be.")
    is_known, asked = core().verify_request(request, scopes=[SCHOOLS])
    if not is_known or not asked.client.is_machine:
        refusal = error("invalid_token", "Send an access token of a machine with the scope schools.", status=401)
        refusal["WWW-Authenticate"] = f'Bearer realm="gatepost", error="invalid_token", scope="{SCHOOLS}"'
        return refusal
    found, following = directory.schools(after=request.GET.get("after", "")[:20], today=utc_now().date())
    told = {"schools": found, "next": f"{issuer()}{request.path}?after={following}" if following else None}
    response = JsonResponse(told, json_dumps_params={"ensure_ascii": False})
    response["Cache-Control"] = "no-store"
    return response
