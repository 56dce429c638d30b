from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Who asks for a copy of their data gets their own acts: found without reading everybody's, and without a lock."""

    atomic = False

    dependencies = [("audit", "0001_initial")]

    operations = [
        AddIndexConcurrently("entry", models.Index(fields=["actor", "-at"], name="audit_entry_actor")),
    ]
