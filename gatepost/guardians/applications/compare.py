"""An application side by side with what the school knows: field by field, for the one who decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gatepost.guardians.applications.children import is_exactly, plain_name
from gatepost.guardians.applications.models import Applicant, Application, Relation
from gatepost.kit.sealed import KeyRing
from gatepost.roster import identity_numbers, wordings
from gatepost.roster.models import GuardianRecord
from gatepost.roster.wordings import WordingError

FIELDS = ("name", "id_number", "relation", "mobile", "email")
IDENTITY = frozenset({"name", "id_number", "relation"})  # who somebody is; a telephone may change


class Verdict(StrEnum):
    SAME = "same"
    DIFFERS = "differs"
    UNKNOWN = "unknown"  # the school has nothing to compare with


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: what the family said, what the school knows (ID numbers masked), and whether it is the same."""

    field: str
    said: str
    known: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Comparison:
    """One applicant beside the record that fits best; `record` is None where the school knows no guardian."""

    applicant: Applicant
    record: GuardianRecord | None
    fields: tuple[Difference, ...]

    @property
    def is_exact(self) -> bool:
        """Name, ID number and relation are all what the school knows."""
        return all(one.verdict is Verdict.SAME for one in self.fields if one.field in IDENTITY)


def differences(application: Application, *, ring: KeyRing) -> list[Comparison]:
    """Each applicant beside the school's guardian records. Prefetch both for many."""
    records = list(application.child.guardian_records.all())
    return [_compared(applicant, _fitting(applicant, records), ring) for applicant in application.applicants.all()]


def child(application: Application) -> list[Difference]:
    """What a claimant typed of the child beside the roster; nothing for a family, which was shown the roster's data."""
    if not application.is_claim:
        return []
    claim, known = application.claim, application.child
    birthday = f"{known.birthday:%Y-%m-%d}" if known.birthday else ""
    return [
        _difference("name", claim.name, known.name, same=plain_name(claim.name) == plain_name(known.name)),
        _difference("birthday", f"{claim.birthday:%Y-%m-%d}", birthday, same=claim.birthday == known.birthday),
    ]


def is_exact(application: Application, *, ring: KeyRing) -> bool:
    """Whether every applicant is exactly who the school knows, nobody twice, and no document has to be read."""
    if application.is_claim and not is_exactly(application.claim, application.child):
        return False
    compared = differences(application, ring=ring)
    records = {one.record.pk for one in compared if one.record}
    whole = bool(compared) and len(records) == len(compared) and not application.needs_document
    return whole and all(one.is_exact for one in compared)


def relation_of(record: GuardianRecord) -> str:
    """The relation of a record by our list, or as the school wrote it."""
    return _plain("relation", record.relation)


def _fitting(applicant: Applicant, records: Sequence[GuardianRecord]) -> GuardianRecord | None:
    """The record with the same ID number, or the same name, or else the one at the same place."""

    def closeness(record: GuardianRecord) -> tuple[bool, bool, bool]:
        return (
            _same_number(applicant, record),
            record.name == applicant.name,
            record.position == applicant.position,
        )

    return max(records, key=closeness, default=None)


def _compared(applicant: Applicant, record: GuardianRecord | None, ring: KeyRing) -> Comparison:
    return Comparison(applicant, record, tuple(_field(field, applicant, record, ring) for field in FIELDS))


def _field(field: str, applicant: Applicant, record: GuardianRecord | None, ring: KeyRing) -> Difference:
    if field == "id_number":
        said, known = (_masked(person, ring) for person in (applicant, record))
        same = record is not None and _same_number(applicant, record)
    else:
        said, known = getattr(applicant, field), getattr(record, field) if record else ""
        same = _plain(field, said) == _plain(field, known)
    return _difference(field, said, known, same=same)


def _difference(field: str, said: str, known: str, *, same: bool) -> Difference:
    if not known:
        return Difference(field, said, "", Verdict.UNKNOWN)
    return Difference(field, said, known, Verdict.SAME if same else Verdict.DIFFERS)


def _masked(person: Applicant | GuardianRecord | None, ring: KeyRing) -> str:
    return identity_numbers.mask((person and person.open_id_number(ring)) or "")


def _same_number(applicant: Applicant, record: GuardianRecord) -> bool:
    return record.id_number_digest is not None and applicant.id_number_digest == record.id_number_digest


def _plain(field: str, text: str) -> str:
    """The text without what does not matter: spaces, capitals in an email, how a telephone number is cut."""
    text = "".join(text.split())
    if field == "relation":
        return _RELATIONS.get(text, text)
    if field == "email":
        return text.lower()
    if field == "mobile":
        try:
            return wordings.mobile_number(text)
        except WordingError:
            return text
    return text


# As school systems write it (domain: their common list of eleven).
_RELATIONS = {
    "父子": Relation.FATHER_SON,
    "父女": Relation.FATHER_DAUGHTER,
    "母子": Relation.MOTHER_SON,
    "母女": Relation.MOTHER_DAUGHTER,
    "祖孫": Relation.GRANDPARENT,
    "兄弟": Relation.BROTHERS,
    "兄妹": Relation.BROTHER_SISTER,
    "姐弟": Relation.SISTER_BROTHER,
    "姊弟": Relation.SISTER_BROTHER,
    "姊妹": Relation.SISTERS,
    "姐妹": Relation.SISTERS,
    "伯叔姑姪甥": Relation.UNCLE_AUNT,
    "其他": Relation.OTHER,
}
