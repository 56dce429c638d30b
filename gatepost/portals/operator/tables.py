"""The tables, for operators: to look at, and to change where no page does it yet.

What rooms write with a history (bonds, cards, keys, events) is read-only here: a change made behind a room's back
would leave no trace and tell nobody. National ID numbers are never shown.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.db.models import BinaryField, Model
from django.http import HttpRequest

from gatepost.access.models import Role
from gatepost.accounts.models import Account
from gatepost.announcements.models import Announcement
from gatepost.attendance.models import Leave, Rules, Sweep
from gatepost.audit import entries
from gatepost.audit.models import Entry
from gatepost.cards.models import Card
from gatepost.gates.models import Gate, Reader, ReaderHealth
from gatepost.guardians.models import Guardianship, Restriction
from gatepost.notify.models import Address
from gatepost.roster.models import District, School, SchoolClass, SchoolYear, Staff, Student, Term

admin.site.site_header = "Gatepost"
admin.site.site_title = "Gatepost"
admin.site.index_title = "Gatepost"


class Chosen(AutocompleteSelect):
    """Draws again what was chosen. Django's asks the database for whatever was posted, also for what is no key."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> Any:
        key = self.field.remote_field.get_related_field()
        return super().optgroups(name, [one for one in value if _is_key(key, one)], attr)


def _is_key(field: Any, posted: str) -> bool:
    try:
        field.clean(posted, None)
    except ValidationError:
        return False
    return "\0" not in posted


class Table(ModelAdmin):  # type: ignore[type-arg] # generic to the stubs only
    """What all tables share: pages of fifty, and nobody asks in an address for what is sealed or digested."""

    list_per_page = 50
    show_full_result_count = False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row of that key; no row has one with NUL in it, and PostgreSQL refuses to look for it.

        An address may say `_to_field=` and name no field.
        """
        return None if "\0" in object_id else super().get_object(request, object_id, from_field or None)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """The same for what is searched for: no text holds NUL."""
        found = queryset.none() if "\0" in search_term else queryset
        return super().get_search_results(request, found, search_term.replace("\0", ""))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        # Django allows any field of the table's own; a digest could be guessed at that way, and no text is one.
        sealed = {field.name for field in self.opts.get_fields() if isinstance(field, BinaryField)}
        return lookup.partition("__")[0] not in sealed and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = Chosen(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ReadOnly(Table):
    """To look at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Kept(Table):
    """To add and change, never to delete; who did it is in our own log."""

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Nothing from the address: nobody links to a filled-in form, and not every text there can be drawn."""
        return {}

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        action = f"{obj._meta.model_name}:{'changed' if change else 'added'}"
        entries.record(action, by=request.user, row=str(obj.pk), fields=",".join(form.changed_data))


@admin.register(Account)
class AccountTable(Kept):
    list_display = ["email", "name", "language", "is_active", "is_staff"]
    search_fields = ["email", "name"]
    ordering = ["email"]
    fields = ["email", "name", "language", "is_active", "is_staff"]


@admin.register(Role)
class RoleTable(Kept):
    list_display = ["name", "account_email", "school", "school_class", "valid_until", "ended_at"]
    list_filter = ["name"]
    list_select_related = ["account", "school", "school_class"]
    search_fields = ["account__email", "school__code", "school__name"]
    autocomplete_fields = ["account", "school", "school_class"]
    fields = ["account", "name", "school", "school_class", "valid_until", "ended_at"]

    @admin.display(description="account")
    def account_email(self, role: Role) -> str:
        return role.account.email

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        if isinstance(obj, Role) and not change:
            obj.granted_by_id = request.user.pk
        super().save_model(request, obj, form, change)


@admin.register(School)
class SchoolTable(Kept):
    list_display = ["code", "short_name", "district", "level", "opened_at"]
    list_filter = ["district", "level"]
    list_select_related = ["district"]
    search_fields = ["code", "name", "short_name"]
    ordering = ["code"]


@admin.register(Student)
class StudentTable(ReadOnly):
    """Names stay out of the list; opening one is a look, and logged like every other."""

    list_display = ["number", "school", "school_class", "study_state", "left_on"]
    list_select_related = ["school", "school_class"]
    search_fields = ["=number", "=id"]
    fields = [
        "school",
        "number",
        "name",
        "stage",
        "grade",
        "school_class",
        "seat",
        "study_state",
        "left_on",
        "source_id",
    ]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        student = self.get_object(request, object_id)
        if student is not None:
            entries.record(
                "student:looked",
                by=request.user,
                about=student.pk,
                school_code=student.school.code,
                page="tables",
                role="operator",
            )
        return super().change_view(request, object_id, *args, **kwargs)


@admin.register(SchoolClass)
class ClassTable(ReadOnly):
    list_display = ["school", "name", "school_year"]
    list_select_related = ["school"]
    search_fields = ["school__code", "school__name", "name"]
    ordering = ["school", "name"]


@admin.register(Guardianship)
class GuardianshipTable(ReadOnly):
    list_display = ["id", "source", "asked_at", "verified_at", "ended_at"]
    fields = ["account", "student", "relation", "source", "asked_at", "verified_at", "ended_at"]


@admin.register(Restriction)
class RestrictionTable(ReadOnly):
    list_display = ["id", "placed_at", "until", "lifted_at", "document"]


@admin.register(Staff)
class StaffTable(ReadOnly):
    list_display = ["name", "title", "school", "left_on"]
    list_select_related = ["school"]
    search_fields = ["name", "school__code"]


@admin.register(Card)
class CardTable(ReadOnly):
    list_display = ["uid", "state", "issued_at", "ended_at", "loan_on"]
    search_fields = ["=uid"]


@admin.register(Reader)
class ReaderTable(ReadOnly):
    list_display = ["name", "gate", "school", "created_at", "rested_at", "revoked_at"]
    list_select_related = ["gate", "school"]
    search_fields = ["school__code", "name"]
    fields = ["school", "gate", "name", "card_rule", "created_at", "rested_at", "revoked_at"]


@admin.register(ReaderHealth)
class ReaderHealthTable(ReadOnly):
    list_display = ["reader", "heard_at", "queue", "skew_ms"]
    list_select_related = ["reader"]


@admin.register(Sweep)
class SweepTable(ReadOnly):
    list_display = ["school", "date", "held_because", "decided_at", "expected", "missing"]
    list_select_related = ["school"]
    date_hierarchy = "date"


@admin.register(Address)
class AddressTable(ReadOnly):
    list_display = ["id", "channel", "verified_at", "disabled_at", "disabled_because"]
    search_fields = ["=target"]


@admin.register(Entry)
class EntryTable(ReadOnly):
    list_display = ["at", "action", "actor_id", "about", "school_code", "facts"]
    search_fields = ["=about", "=school_code", "action"]


admin.site.register([District, SchoolYear, Term, Gate, Announcement, Leave, Rules], ReadOnly)
