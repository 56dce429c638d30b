"""What a service learns about a person, in the shape of the city's directory, asked anew each time.

Standard claims keep their names (OpenID Connect Core 5.1); the others have the directory's: `role`, `o` (school
codes), `organization`, `class` (201: grade and number), `className`, `seat`, `studentId`, `tutorClass`, `child`.
"""

from collections.abc import Callable, Iterable
from typing import Any

from gatepost.access import queries
from gatepost.access.models import Role
from gatepost.accounts.models import Account
from gatepost.notify.models import Address
from gatepost.roster.models import SchoolClass, Student
from gatepost.sso import consents, subjects
from gatepost.sso.models import Service

Claims = dict[str, Any]

# The directory knows families, pupils and teachers; whoever works at a school is a teacher there.
PARENT, TEACHER = "家長", "教師"
_LOCALES = {"zh-hant": "zh-Hant-TW", "en": "en", "vi": "vi", "id": "id"}


def of(account: Account, service: Service, scopes: Iterable[str]) -> Claims:
    """All that `scopes` hold for `service` at this moment, with the number it knows the person by."""
    found: Claims = {"sub": subjects.of_account(service.pk, account.pk)}
    for scope in scopes:
        if scope in _OF_SCOPE:
            found |= _OF_SCOPE[scope](account, service)
    if "name" in found:
        # Some software takes the nickname for its user's key: never a name that two may have, or that may change.
        found["nickname"] = found["sub"]
    return found


def _profile(account: Account, _service: Service) -> Claims:
    return {"name": account.get_full_name(), "locale": _LOCALES[account.language]}


def _email(account: Account, _service: Service) -> Claims:
    known = Address.objects.filter(account=account, channel="email", target__iexact=account.email)
    return {"email": account.email, "email_verified": any(address.is_usable for address in known)}


def _phone(account: Account, _service: Service) -> Claims:
    """A number that was proven, or nothing: what a school wrote down about a family is not theirs to give on."""
    proven = Address.objects.filter(account=account, channel="sms", verified_at__isnull=False, disabled_at=None)
    number = proven.order_by("pk").values_list("target", flat=True).first()
    return {"phone_number": number, "phone_number_verified": True} if number else {}


def _role(account: Account, _service: Service) -> Claims:
    names = queries.role_names(account)
    codes = [code for code in Role.Name.values if code in names]
    words = [TEACHER] if names & set(queries.STAFF) else []
    if queries.is_guardian(account):
        codes, words = ["guardian", *codes], [PARENT, *words]
    return {"role": words, "roles": codes}


def _school(account: Account, _service: Service) -> Claims:
    held = (
        queries.roles(account, *queries.STAFF).select_related("school", "school_class").order_by("school__code", "pk")
    )
    schools = {role.school.code: role.school.name for role in held if role.school}
    classes = [class_code(role.school_class) for role in held if role.school_class]
    return {"o": list(schools), "organization": list(schools.values()), "tutorClass": classes}


def _children(account: Account, service: Service) -> Claims:
    given = list(consents.children_given(account, service).select_related("school", "school_class"))
    numbers = subjects.of_students(service, [child.pk for child in given])
    return {"child": [_child(child, numbers[child.pk]) for child in given]}


def _child(child: Student, number: str) -> Claims:
    in_class = child.school_class
    return {
        "uuid": number,
        "name": child.name,
        "o": child.school.code,
        "organization": child.school.name,
        "studentId": child.number,
        "class": class_code(in_class) if in_class else None,
        "className": in_class.name if in_class else None,
        "seat": child.seat,
    }


def class_code(one: SchoolClass) -> str:
    """201: the first class of the second grade."""
    return f"{one.grade}{one.number:02d}"


_OF_SCOPE: dict[str, Callable[[Account, Service], Claims]] = {
    "profile": _profile,
    "email": _email,
    "phone": _phone,
    "role": _role,
    "school": _school,
    "children": _children,
}
NAMES = (
    *("sub", "name", "nickname", "locale", "email", "email_verified", "phone_number", "phone_number_verified"),
    *("role", "roles", "o", "organization", "tutorClass", "child", "auth_time", "amr", "acr", "sid"),
)
