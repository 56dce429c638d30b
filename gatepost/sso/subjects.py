"""The numbers by which services know people: another one at each service (pairwise, OpenID Connect Core 8.1).

They are kept, not computed: no key that is renewed may turn everybody into a stranger at every service.
"""

import secrets
from collections.abc import Iterable
from uuid import UUID

from gatepost.kit.questions import Question
from gatepost.sso.models import Service, Subject

# Lower case and digits without look-alikes: it is also the user name in software that wants one.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_LENGTH = 26  # 128 bits


def of_account(service_id: UUID, account_id: UUID) -> str:
    """The number of a person at a service."""
    rows = _OF_ACCOUNT.rows(service=service_id, account=account_id)
    if rows:
        return str(rows[0][0])
    Subject.objects.bulk_create(
        [Subject(service_id=service_id, account_id=account_id, value=_new())], ignore_conflicts=True
    )
    return Subject.objects.get(service_id=service_id, account_id=account_id).value


_OF_ACCOUNT = Question(
    lambda service, account: Subject.objects.filter(service=service, account=account).values_list("value"),
    service=UUID(int=1),
    account=UUID(int=2),
)


def of_students(service: Service, student_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The numbers of children at a service; every guardian gives the same one."""
    wanted = set(student_ids)
    known = _known(service, wanted)
    if missing := wanted - set(known):
        rows = [Subject(service=service, student_id=one, value=_new()) for one in sorted(missing)]
        Subject.objects.bulk_create(rows, ignore_conflicts=True)
        known = _known(service, wanted)
    return known


def _known(service: Service, student_ids: set[UUID]) -> dict[UUID, str]:
    found = Subject.objects.filter(service=service, student_id__in=student_ids).values_list("student_id", "value")
    return {student_id: value for student_id, value in found if student_id is not None}


def _new() -> str:
    return "".join(secrets.choice(_LETTERS) for _place in range(_LENGTH))
