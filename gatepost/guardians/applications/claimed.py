"""What somebody signed in typed to name a child, kept as long as the claim is open."""

from django.db import models

from gatepost.guardians.applications.models import Application
from gatepost.roster.models import School, SealedIdentity


class Claim(SealedIdentity):
    """The child that an application by an account means, as typed. The ID number is gone once the claim has ended."""

    application = models.OneToOneField(Application, on_delete=models.CASCADE, primary_key=True, related_name="claim")
    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="+")
    number = models.TextField()
    name = models.TextField()
    birthday = models.DateField()
    looked_at = models.DateTimeField()  # when it was last compared with the roster

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(id_number_sealed__isnull=True, id_number_digest__isnull=True)
                | models.Q(id_number_sealed__isnull=False, id_number_digest__isnull=False),
                name="guardians_claim_sealed_whole",
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)
