from django.core.management import call_command
from django.db import migrations


def create(apps, schema_editor):
    """The cache that all processes share (rate limits) is a table; Django makes it by a command, not a model."""
    call_command("createcachetable", verbosity=0, database=schema_editor.connection.alias)


class Migration(migrations.Migration):
    # The provider's steps make no table (its models are swapped), but each draws every model that has to do with an
    # account anew: done before there are many, all steps together take a fifth less time.
    dependencies = [("accounts", "0001_initial"), ("oauth2_provider", "0022_refreshtoken_token_family_index")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
