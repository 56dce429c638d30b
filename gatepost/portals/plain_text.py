"""Text that people wrote, as a page shows it: paragraphs, lines, and addresses of the web that can be followed.

Nothing in it is markup: what looks like a tag is shown as it was written.
"""

import re

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

# Nothing but http and https, and no farther than to what can only stand after an address: Chinese puts no space there.
_ADDRESS = re.compile(r"https?://[!#-;=?-Z\[\]_a-z~%]{1,500}", re.ASCII)
_AFTER = ".,;:!?)]'\"*"
_BREAK = SafeString("<br>")


def paragraphs(text: str) -> SafeString:
    """An empty line begins a paragraph; addresses become links whose words are the address itself."""
    parts = (part.strip() for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n")))
    lines = (format_html_join(_BREAK, "{}", ((_linked(line),) for line in part.split("\n"))) for part in parts if part)
    return format_html_join("", "<p>{}</p>", ((part,) for part in lines))


def _linked(line: str) -> SafeString:
    parts, end = [], 0
    for found in _ADDRESS.finditer(line):
        address = found[0].rstrip(_AFTER)
        if address.endswith("//"):
            continue
        parts += [format_html("{}", line[end : found.start()]), _link(address)]
        end = found.start() + len(address)
    return format_html_join("", "{}", ((part,) for part in (*parts, line[end:])))


def _link(address: str) -> SafeString:
    return format_html('<a href="{}" rel="nofollow noopener noreferrer">{}</a>', address, address)
