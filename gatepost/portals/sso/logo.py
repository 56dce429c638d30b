from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.sso.models import Service


@open_to(PUBLIC)
@require_safe
def logo(request: HttpRequest, service_id: UUID) -> HttpResponse:
    """The small picture of a service, as we drew it anew when it was handed in."""
    found = (
        Service.objects.filter(pk=service_id, stopped_at=None, logo__isnull=False)
        .values_list("logo", flat=True)
        .first()
    )
    if found is None:
        raise Http404("no such picture")
    return HttpResponse(bytes(found), content_type="image/png", headers={"Cache-Control": "public, max-age=3600"})
