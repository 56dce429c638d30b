"""Dates, months, terms and school codes in addresses."""

from datetime import date

from django.urls import register_converter


class DateConverter:
    """2026-11-23; anything else is no page."""

    regex = "[0-9]{4}-[0-9]{2}-[0-9]{2}"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(value)  # ValueError: the address matches nothing

    def to_url(self, value: date) -> str:
        return value.isoformat()


class MonthConverter:
    """2026-11, as the first of that month; anything else is no page."""

    regex = "[0-9]{4}-[0-9]{2}"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(f"{value}-01")  # ValueError: the address matches nothing

    def to_url(self, value: date) -> str:
        return f"{value:%Y-%m}"


class TermConverter:
    """1151: term 1 of school year 115."""

    regex = "[0-9]{2,3}[12]"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class SchoolCodeConverter:
    """353601, 35360A: text, because some codes hold letters."""

    regex = "[0-9A-Z]{6}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


def register() -> None:
    """Make `<date:…>`, `<month:…>`, `<term:…>` and `<code:…>` known to the urls of the portals."""
    register_converter(DateConverter, "date")
    register_converter(MonthConverter, "month")
    register_converter(TermConverter, "term")
    register_converter(SchoolCodeConverter, "code")
