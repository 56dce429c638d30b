"""Pictures of the guide: made by the running system (`make guide`), one for each language."""

from django.template import Library
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = Library()

WIDTH, HEIGHT = 360, 600  # of the phone in the picture, in its own points


@register.simple_tag
def picture(name: str, alt: str) -> SafeString:
    """The picture `name` in the language being spoken; `alt` says what is to be seen on it."""
    return format_html(
        '<img class="picture" src="{}" alt="{}" width="{}" height="{}" loading="lazy" decoding="async">',
        static(f"guide/{get_language()}/{name}.webp"),
        alt,
        WIDTH,
        HEIGHT,
    )
