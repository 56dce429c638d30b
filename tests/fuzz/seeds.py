"""Where looking for bad input begins: good input, and shapes that have hurt others."""

import io
import json
import zipfile
from pathlib import Path

from gatepost.channels.email import tests as email_tests
from gatepost.roster import identity_numbers
from gatepost.roster.identity_numbers import IdentityKind
from tests.fuzz.targets import STRINGS

NONCE = "5d652e30-241d-42aa-98d5-bbb47c68f948"
TIMES = (
    "2026-11-23T07:31:05+08:00",
    "2026-11-22T23:31:05Z",
    "2026-11-22T23:31:05.123456Z",
    "2026-11-23T07:31:05",
    "0001-01-01T00:00:00+08:00",
    "9999-12-31T23:59:59-08:00",
    "2026-11-23T07:31:05+23:59",
)
WORDS = (
    *("2年01班", "三年一班", "二年甲班", "國一忠班", "高三和班", "國小六年十二班", "201", "1003", "2-1", "114_1_02_01"),
    *("20115", "座號5號", "5.0", "０９１２-３４５-６７８", "+886 912 345 678", "(02)2345-6789", "886912345678"),
    *(
        "113/09/01",
        "民國113年9月1日",
        "中華民國115年9月1日",
        "0970315",
        "970315",
        "2008/3/15",
        "20080315",
        "西元2008.3.15",
    ),
    *("2016-03-15 00:00:00", "15/3/2016", "1151", "王　小明", "Nguyễn Văn An", "王小明\u200b", "name@example.org"),
    *(
        "學生身分證/居留證字號",
        "監護人一手機",
        "出生年月日（民國）",
        "＊學號",
        "十十",
        "百",
        "ß",
        "ŉ",
        "\x00",
        "\ud800",
    ),
    *(identity_numbers.invented(7, kind) for kind in IdentityKind),
    *("Ａ１２３４５６７８９", "y1-5000-0075", "A123456789", "AC01234567", "٣٣٣", "²³", "1" * 5_000),
)
CARDS = (
    *("04A1B2C3", "04:C4:3B:C2:1C:26:80", "2a83155e", "0713233758", "01341660845581952", "10883,05470", "131,05470"),
    *(
        "08590686",
        "713233758",
        "0x2A83155E",
        "０４Ａ１Ｂ２Ｃ３",
        "00000000",
        "FFFFFFFF",
        "٠١٢٣٤٥٦٧",
        "²" * 8,
        ",",
        "1,2,3",
    ),
)
CSV = (
    "學號,姓名,班級,座號,生日,身分證字號,家長,手機\n1130001,王小明,201,5,105/03/15,,林淑芬,0912345678\n",
    '學號\t姓名\r\n"1130001"\t"王\n小明"\r\n',
    "學號;姓名;學號\r1130001;王小明;x\r",
    '"學號",姓名\n"1130001,王',
    'sourcedId,status,givenName,familyName\nu1,active,小明,王\n"u2""",active,,\n',
    "\n" * 20 + "學號,姓名\n",
    "\x00,\x1a,\x0b,\u2028,\u0085\n",
)
SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:B3"/><sheetData>'
    '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
    '<row r="2"><c r="A2"><v>1130001</v></c><c r="B2" t="inlineStr"><is><t>王小明</t></is></c></row>'
    '<row r="3"><c r="A3" t="b"><v>1</v></c><c r="B3" t="e"><v>#REF!</v></c><c r="C3" t="d"><v>2016-03-15</v></c></row>'
    '<row r="1048576"><c r="XFD1048576" t="str"><f>1+1</f><v>2</v></c></row></sheetData></worksheet>'
)


def batches() -> list[bytes]:
    """Bodies of `POST /v1/taps`."""
    good = {"nonce": NONCE, "card": "04A1B2C3", "read_at": TIMES[0], "direction": "in"}
    taps: list[list[object]] = [
        [],
        [good],
        [good, {}, None, 7, "x", [[]]],
        [{**good, "nonce": "x", "card": "\0é", "more": {}}],
    ]
    bodies = [json.dumps({"sent_at": TIMES[1], "queue": 3, "taps": some}) for some in taps]
    bodies += [json.dumps({"sent_at": at, "taps": [{**good, "read_at": at}]}) for at in TIMES]
    bodies += ["", "[]", "{]", '{"sent_at": 7}', '{"sent_at":"2026-11-22T23:31:05Z","taps":[1, }', "[" * 3_000]
    return [body.encode() for body in bodies] + [
        b'{"sent_at":"2026-11-22T23:31:05Z","taps":["\xff", 1e999, "\\ud800"]}'
    ]


def zips() -> list[bytes]:
    """Archives, good and crooked."""
    found = []
    for names in (
        ("users.csv", "manifest.csv"),
        ("../users.csv", "/users.csv", "C:/users.csv"),
        ("Users.CSV", "a/users.csv"),
    ):
        for how in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w", how) as archive:
                for name in names:
                    archive.writestr(name, CSV[4])
            found.append(file.getvalue())
    return [*found, found[0][:-10], found[0][40:], b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18]


def reports() -> list[bytes]:
    """Mails that came back."""
    kept = [path.read_bytes() for path in sorted((Path(email_tests.__file__).parent / "reports").iterdir())]
    plain = (
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"
        "Content-Type: text/plain\n\nx\n--b\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; a.example\n\nFinal-Recipient: rfc822; b@c.example\n"
        "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n--b--\n"
    )
    return [plain.encode(), plain.replace("delivery-status\n\nR", "global-delivery-status\n\nR").encode(), *kept]


SEEDS: dict[str, list[bytes]] = {
    "batch": batches(),
    "words": [word.encode("utf-8", "surrogatepass") for word in WORDS],
    "card": [card.encode("utf-8", "surrogatepass") for card in CARDS],
    "table": [
        *(text.encode(codec, "ignore") for text in CSV for codec in ("utf-8", "utf-8-sig", "cp950", "utf-16")),
        b"\xff\xfe\x00\xd8",
    ],
    "report": reports(),
    "sheet": [SHEET.encode(), SHEET.encode() + b"\0\0" + STRINGS],
    "archive": zips(),
}
