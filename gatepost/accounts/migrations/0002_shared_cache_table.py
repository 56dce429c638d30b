from django.core.management import call_command
from django.db import migrations


def create(apps, schema_editor):
    """The cache that all processes share (rate limits) is a table; Django makes it by a command, not a model."""
    call_command("createcachetable", verbosity=0, database=schema_editor.connection.alias)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
