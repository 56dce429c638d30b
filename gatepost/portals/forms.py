"""Form fields that several portals share, in the looks of the design system."""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


class DateInput(forms.DateInput):
    """A browser's own calendar; ISO, so that what was typed comes back into it."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class TimeInput(forms.TimeInput):
    """A browser's own clock, by the minute."""

    input_type = "time"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%H:%M")


class DateTimeInput(forms.DateTimeInput):
    """Date and hour in one."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%dT%H:%M")


def _of_our_time(value: date) -> None:
    """A slip of the finger makes a year of 0026 or 20260, which no calendar of ours can hold."""
    if not 2000 <= value.year <= 2100:
        raise ValidationError(_("Look at the year again."))


def date_field(label: Any, **more: Any) -> forms.DateField:
    """A date that says how to mend a wrong one."""
    errors = {"invalid": _("Write the date like 2026-11-23."), "required": _("Choose a date.")}
    return forms.DateField(label=label, widget=DateInput(), error_messages=errors, validators=[_of_our_time], **more)


def time_field(label: Any, **more: Any) -> forms.TimeField:
    """A time of the day, in 24 hours."""
    errors = {"invalid": _("Write the time like 07:42."), "required": _("Choose a time.")}
    return forms.TimeField(label=label, widget=TimeInput(), error_messages=errors, **more)


def moment_field(label: Any, **more: Any) -> forms.DateTimeField:
    """A date and a time of the day, on the clocks of the city."""
    errors = {"invalid": _("Write date and time like 2026-11-23 07:42."), "required": _("Choose date and time.")}
    return forms.DateTimeField(
        label=label, widget=DateTimeInput(), error_messages=errors, validators=[_of_our_time], **more
    )


def text_field(label: Any, *, rows: int = 0, longest: int = 200, **more: Any) -> forms.CharField:
    """Words; `rows` makes room for several lines."""
    widget = forms.Textarea(attrs={"rows": rows}) if rows else forms.TextInput()
    return forms.CharField(label=label, widget=widget, max_length=longest, **more)
