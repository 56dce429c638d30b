import re
import unicodedata
from collections.abc import Iterable

from django.contrib.auth.hashers import Argon2PasswordHasher, check_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from zxcvbn_rs_py import zxcvbn

GUESSES_MIN_LOG10 = (
    9  # a thousand million: more than anybody tries through our sign-in, and than a weekend with the hashes
)
# Of the beginning of a password. The estimate tries figures for letters in every combination: 30 ms at the worst for
# these, seconds for some hundred that were chosen for it. What is strong so far is not weaker with more behind it.
ESTIMATED_CHARACTERS = 32
CHARACTERS_MIN = 10
_ABOUT_SOMEBODY_MAX = 60
_TELEPHONE = re.compile(r"(\+?886|0)9?[2-9][0-9]{6,8}", re.ASCII)
# What people in Taiwan type first, beside what the library knows of the world: words and figures that sound like
# words; and Chinese as it comes out of a keyboard for bopomofo when the keyboard is left in English.
_TAIWAN = (
    *(
        "taiwan",
        "formosa",
        "taipei",
        "taichung",
        "kaohsiung",
        "gatepost",
        "xiaomenkou",
        "xuexiao",
        "laoshi",
        "xuesheng",
    ),
    *("woaini", "wobuzhidao", "mima", "wodemima", "baobei", "mama", "baba", "nihao", "shengri", "kuaile"),
    *("520", "1314", "5201314", "1314520", "5203344", "880", "168", "5168", "7788", "9420"),
    *("ji32k7au4a83", "au4a83", "ji394su3", "su3cl3", "w96j0", "w961o3", "vm,6vul4", "xl3g", "a8a87", "184187"),
    *(
        "密碼",
        "我的密碼",
        "我愛你",
        "你好",
        "台灣",
        "臺灣",
        "台北",
        "臺北",
        "生日快樂",
        "校門口",
        "寶貝",
        "媽媽",
        "爸爸",
        "老師",
    ),
    *("學校", "學生", "國小", "國中", "高中", "一年", "二年", "三年", "四年", "五年", "六年", "一班", "二班", "三班"),
)

_ID_NUMBER = re.compile(r"[A-Z][A-D1289][0-9]{8}", re.ASCII | re.IGNORECASE)


class Argon2id(Argon2PasswordHasher):
    """Argon2id at 19 MiB, two passes, one lane: OWASP's recommended minimum, some 35 ms of one core.

    Django's own default (100 MiB, eight lanes) allows seven sign-ins a second on two cores; a city signs in at 07:30.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1


class DemonstrationArgon2id(Argon2id):
    """The same under another name, for installations that are demonstrations.

    Demonstration accounts have passwords that everybody knows. Outside of a demonstration no hasher has this name, so
    on the day the same database is used without one, they open nothing.
    """

    algorithm = "demonstration"


class NotAnIdNumber:
    """Refuses a password that is an ID or residence number: schools, banks and doctors know it."""

    def validate(self, password: str, user: object = None) -> None:
        """Raises `ValidationError` with the code `id_number`."""
        if _ID_NUMBER.fullmatch(password.strip()):
            raise ValidationError(self.get_help_text(), code="id_number")

    def get_help_text(self) -> str:
        """The same sentence before and after."""
        return _("An ID number is no password: others know it. Choose another one.")


class NotATelephoneNumber:
    """Refuses a password that is a telephone number of Taiwan, however it is written: whoever knows somebody has it."""

    def validate(self, password: str, user: object = None) -> None:
        """Raises `ValidationError` with the code `telephone_number`."""
        if _TELEPHONE.fullmatch(re.sub(r"[\s()#-]", "", unicodedata.normalize("NFKC", password))):
            raise ValidationError(self.get_help_text(), code="telephone_number")

    def get_help_text(self) -> str:
        """The same sentence before and after."""
        return _("A telephone number is no password: others know it. Choose another one.")


class HardToGuess:
    """Refuses what would be among the first thousand million guesses, by an estimate that asks nobody outside.

    What is known of the person (name, email, and what `is_known_of` was told) counts as guessed at once.
    """

    def validate(self, password: str, user: object = None) -> None:
        """Raises `ValidationError` with the code `guessable`: why it is, and what is better."""
        if len(password) < CHARACTERS_MIN:
            return  # said by another sentence
        begin = unicodedata.normalize("NFKC", password)[:ESTIMATED_CHARACTERS]
        found = zxcvbn(begin, [*_of(user), *_TAIWAN])
        if found.guesses_log10 < GUESSES_MIN_LOG10:
            why = str(found.feedback.warning or "") if found.feedback else ""
            raise ValidationError(f"{_reason(why)} {self.get_help_text()}", code="guessable")

    def get_help_text(self) -> str:
        """What is better."""
        return _("Put three or four words together that have nothing to do with each other or with you.")


def is_known_of(user: object, words: Iterable[str]) -> None:
    """Have `words` (the names of somebody's children, student numbers, the school) count as guessed for `user`."""
    user.known_of_them = tuple(words)  # type: ignore[attr-defined]


def _of(user: object) -> list[str]:
    texts = [getattr(user, "name", ""), getattr(user, "email", ""), *getattr(user, "known_of_them", ())]
    words = {part for text in texts for part in (text, *re.split(r"[\W_]+", text), *_given(text)) if len(part) > 1}
    return sorted(words)[:_ABOUT_SOMEBODY_MAX]


def _given(name: str) -> list[str]:
    """The given name of a Chinese one: 淑芬 of 林淑芬."""
    return [name[1:]] if re.fullmatch(r"[\u4e00-\u9fff]{3,4}", name) else []


def _reason(warning: str) -> str:
    """Why a password is easy to guess, from what the library says in English."""
    warning = warning.lower()
    if "key" in warning:
        return _("Keys that lie side by side are guessed first.")
    if "repeat" in warning or "sequence" in warning:
        return _("Repetitions and series are guessed first.")
    if "date" in warning or "year" in warning:
        return _("Dates and years are guessed first.")
    return _("This is easy to guess: names, single words and figures behind them are tried first.")


class NotOneOfTheLast:
    """Refuses the password that an account has, and the two it had before: others may know those by now."""

    def validate(self, password: str, user: object = None) -> None:
        """Raises `ValidationError` with the code `password_used`. An account that is only being made has none yet."""
        from gatepost.accounts.models import Account  # the hashers above are wanted before there are models

        if not isinstance(user, Account) or user._state.adding:
            return
        known = [user.password, *user.old_passwords.values_list("password", flat=True)]
        if any(check_password(password, one) for one in known if one):
            raise ValidationError(self.get_help_text(), code="password_used")

    def get_help_text(self) -> str:
        """The same sentence before and after."""
        return _("You had this password before. Choose another one.")
