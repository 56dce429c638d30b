from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey
from django.http import HttpRequest


class Choices(AutocompleteJsonView):
    """What a form offers to choose from, for its own fields. Django's makes an error of other names in the address."""

    def process_request(self, request: HttpRequest) -> Any:
        found = super().process_request(request)
        if not isinstance(found[2], ForeignKey):
            raise PermissionDenied("no field of a form")
        return found


class Tables(AdminSite):
    """The site of the operator's tables."""

    def autocomplete_view(self, request: HttpRequest) -> Any:
        return Choices.as_view(admin_site=self)(request)
