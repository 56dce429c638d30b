from uuid import UUID

from gatepost.audit.models import Entry


def record(
    action: str, *, by: object | None, about: UUID | None = None, school_code: str = "", **facts: str | int | None
) -> None:
    """Add one entry, in the caller's transaction, by an account or its id (None: by the system).

    `facts` are ids and codes; names and numbers do not belong here.
    """
    actor_id = by if isinstance(by, UUID) else getattr(by, "pk", None)
    Entry.objects.create(actor_id=actor_id, action=action, about=about, school_code=school_code, facts=facts)
