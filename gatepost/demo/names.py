"""Invented names as they stand in registers in Taiwan. The lists are our own, put together at random: nobody's name.

Most names are a surname and two characters; some have one. Indigenous names are a given name and a parent's name with
the register's dot between; guardians from abroad have a name in Chinese characters or in Latin capitals.
"""

import random
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

# Surnames by how common they are (roughly, in per mille of the population), with a spelling for email addresses.
_SURNAMES: Final = {
    "陳": (111, "chen"), "林": (83, "lin"), "黃": (60, "huang"), "張": (53, "chang"), "李": (51, "lee"),
    "王": (41, "wang"), "吳": (40, "wu"), "劉": (32, "liu"), "蔡": (29, "tsai"), "楊": (26, "yang"),
    "許": (23, "hsu"), "鄭": (19, "cheng"), "謝": (18, "hsieh"), "洪": (15, "hung"), "郭": (15, "kuo"),
    "邱": (15, "chiu"), "曾": (14, "tseng"), "廖": (14, "liao"), "賴": (13, "lai"), "徐": (13, "hsu"),
    "周": (12, "chou"), "葉": (12, "yeh"), "蘇": (12, "su"), "莊": (9, "chuang"), "呂": (9, "lu"),
    "江": (9, "chiang"), "何": (9, "ho"), "蕭": (8, "hsiao"), "羅": (8, "lo"), "高": (8, "kao"),
    "潘": (7, "pan"), "簡": (7, "chien"), "朱": (7, "chu"), "鍾": (6, "chung"), "彭": (6, "peng"),
    "游": (6, "yu"), "詹": (6, "chan"), "胡": (6, "hu"), "施": (6, "shih"), "沈": (5, "shen"),
    "余": (5, "yu"), "盧": (5, "lu"), "梁": (4, "liang"), "趙": (4, "chao"), "顏": (4, "yen"),
    "柯": (4, "ko"), "翁": (4, "weng"), "魏": (4, "wei"), "孫": (4, "sun"), "戴": (4, "tai"),
    "范": (3, "fan"), "方": (3, "fang"), "宋": (3, "sung"), "鄧": (3, "teng"), "杜": (2, "tu"),
    "傅": (2, "fu"), "侯": (2, "hou"), "歐陽": (1, "ouyang"), "范姜": (1, "fanchiang"), "張簡": (1, "changchien"),
}  # fmt: skip
SURNAMES: Final = tuple(surname for surname, (share, _spelling) in _SURNAMES.items() for _ in range(share))

_GIVEN: Final = {
    # (generation, female): first characters, second characters
    ("child", False): ("宇承柏品宥冠子睿廷晨昱哲奕彥浩泓景博以禹", "恩翔叡安辰佑勳誠鈞霖澤緯謙軒宸儒澔閎碩樂"),
    ("child", True): ("芯語詠子品宥羽思沛苡可采若予筠亮以昀心允", "晴妍彤涵恩妤萱潔蓁瑄甯歆蕎菲安芮婕霏樂穎"),
    ("parent", False): ("志俊建家文宏明國信嘉彥冠政柏育仁士振世偉", "明宏豪偉傑銘賢維達安翰凱勳霖誠輝榮德倫弘"),
    ("parent", True): ("怡雅淑佳惠美婉筱詩慧郁宜思欣靜玉曉品麗心", "君婷玲芬雯慧如萍華儀芳真茹琪敏娟樺穎瑜潔"),
    ("grandparent", False): ("金清文榮進春德錦茂水", "源福生財旺輝雄發松木"),
    ("grandparent", True): ("秀美玉春麗月素金碧阿", "英珠蘭花琴霞梅桂鳳嬌"),
}

_VIETNAMESE: Final = (tuple("阮阮阮陳黎黎范黃武裴鄧"), tuple("秋芳蘭紅梅香草恆緣翠"), tuple("莊恒金玉清霜映月雪娥"))
_INDONESIAN_CHINESE: Final = (tuple("黃陳劉鄧蔡張曾羅"), tuple("美麗秀玉莉蘭"), tuple("香娜妮安蓮珊"))
_INDONESIAN_LATIN: Final = (
    ("SITI", "DEWI", "SRI", "RINA", "NUR", "YULI", "INDAH", "WATI"),
    ("RAHMAYANTI", "LESTARINI", "SUHARTINAH", "KUSUMASARI", "PUSPITARINI", "HANDAYATI", "MARLINASARI"),
)
_WESTERN: Final = (
    ("ASHGROVE", "BELLWETHER", "CARDINE", "DUNHOLLOW", "ELLISTRAY", "FERNLEIGH", "GRANDISON", "HOLLOWAY"),
    ("NOAH", "OWEN", "THEO", "LUKE", "ADAM", "SIMON"),
    ("CLAIRE", "NORA", "JUNE", "ALICE", "IRIS", "RUTH"),
)
_INDIGENOUS: Final = {
    False: ("馬躍", "古拉斯", "法利斯", "卡照", "拉法克", "尤命", "撒韻", "亞榮"),
    True: ("巴奈", "娜高", "里慕伊", "思乃", "珮洛", "都菈", "吉娃", "比黛"),
}
REGISTER_DOT: Final = "‧"  # between the parts of an indigenous name in household registers


def pick(rng: random.Random, pool: Sequence[T]) -> T:
    """One of `pool`; three times as fast as `rng.choice`, and a city needs millions of these."""
    return pool[int(rng.random() * len(pool))]


def spelling(surname: str) -> str:
    """A surname in Latin letters, for an email address; `family` where there is none."""
    if surname in _SURNAMES:
        return _SURNAMES[surname][1]
    return surname.lower() if surname and surname.isascii() else "family"


def given_name(rng: random.Random, generation: str, *, female: bool, first: str = "") -> str:
    """A given name of two characters, now and then of one; `first` is the character siblings share."""
    firsts, seconds = _GIVEN[generation, female]
    if not first and rng.random() < 0.03:
        return pick(rng, seconds)
    first = first or pick(rng, firsts)
    second = pick(rng, seconds)
    while second == first:
        second = pick(rng, seconds)
    return first + second


def vietnamese_name(rng: random.Random) -> str:
    """A woman's name from Vietnam as registered in Chinese characters: 阮氏秋莊."""
    surnames, firsts, seconds = _VIETNAMESE
    return f"{pick(rng, surnames)}氏{pick(rng, firsts)}{pick(rng, seconds) if rng.random() < 0.7 else ''}"


def indonesian_name(rng: random.Random) -> str:
    """A woman's name from Indonesia: in Chinese characters or in Latin capitals, as the residence permit has it."""
    if rng.random() < 0.5:
        return "".join(pick(rng, part) for part in _INDONESIAN_CHINESE)
    return " ".join(pick(rng, part) for part in _INDONESIAN_LATIN)


def western_name(rng: random.Random, *, female: bool, surname: str = "") -> str:
    """A name in Latin capitals, surname first, as on a residence permit."""
    surnames, men, women = _WESTERN
    return f"{surname or pick(rng, surnames)} {pick(rng, women if female else men)}"


def indigenous_name(rng: random.Random, *, female: bool, parent: str = "") -> str:
    """A given name and a parent's given name with the register's dot: 巴奈‧古拉斯."""
    own = pick(rng, [name for name in _INDIGENOUS[female] if name != parent])
    return f"{own}{REGISTER_DOT}{parent or pick(rng, _INDIGENOUS[not female])}"
