from django.db import migrations

# What was sent about somebody is found through the notices about them. That saves an entry for each delivery, and two
# more as its state moves on. Code from before, which looks this way, would read its month from end to end for the
# minute that both run; nothing in the path of a tap does.
DROP = "DROP INDEX IF EXISTS notify_delivery_about"
MAKE = "CREATE INDEX notify_delivery_about ON notify_delivery (on_date, about)"

# What was not sent by text message, for the school's page of them.
MAKE_UNSENT = """
CREATE INDEX notify_delivery_unsent ON notify_delivery (on_date) WHERE channel = 'sms' AND state = 'dropped'
"""


class Migration(migrations.Migration):
    dependencies = [("notify", "0012_push_names")]

    operations = [
        migrations.RunSQL(MAKE_UNSENT, reverse_sql="DROP INDEX notify_delivery_unsent"),
        migrations.RunSQL(DROP, reverse_sql=MAKE),
    ]
