"""Values that people, scripts and attackers put where something else is expected."""

from hypothesis import strategies as st

WORDS = (
    *(
        "",
        " ",
        "\0",
        "a\0b",
        "\r\nSet-Cookie: a=b",
        "%00",
        "%",
        "\\",
        "'",
        '"',
        "';--",
        "{{7*7}}",
        "<script>",
        "../../etc",
    ),
    *(
        "😀",
        "👨‍👩‍👧",
        "\u202eabc",
        "שלום",
        "مرحبا",
        "\ufeff",
        "\u200b",
        "e\u0301" * 50,
        "ﷺ" * 20,
        "𠮷",
        "\ufffe",
        "\x7f",
        "\x1b[31m",
    ),
    *(
        "-1",
        "0",
        "1",
        "2147483648",
        "9223372036854775808",
        "1e309",
        "NaN",
        "٣",
        "²",
        "½",
        "１",
        "1" * 5_000,
        "0x10",
        "1_0",
        "-0",
    ),
    *("0000-00-00", "9999-12-31", "0001-01-01", "2026-02-30", "20260-01-01", "2026-11-23", "2026-11-23T25:61", "24:00"),
    *("07:42", "23:59:59.999999999", "113/09/01", "９９:９９", "true", "on", "None", "null", "[]", "{}", "undefined"),
    *(
        "a@b.c",
        "a@" + "b" * 250 + ".example",
        "@",
        "x" * 300,
        "中" * 2_000,
        "\n" * 50,
        "//evil.example",
        "javascript:1",
    ),
    "00000000-0000-0000-0000-000000000000",
)
# Texts that a browser can send: no lone surrogates.
texts = st.sampled_from(WORDS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
names = st.sampled_from(
    ("page", "q", "class", "student", "side", "month", "seen", "next", "language", "csrfmiddlewaretoken")
)
