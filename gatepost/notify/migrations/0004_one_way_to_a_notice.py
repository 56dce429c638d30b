from django.db import migrations

# A key names whom its notice is about. With that in front, one index keeps a notice from being said twice and finds what
# was said about somebody, where there were two that every tap wrote to. Code from before is served by it as well.
# Nobody who reads waits for the making of it, and what would write waits in its queue.
MAKE = "CREATE UNIQUE INDEX IF NOT EXISTS notify_notice_said_once ON notify_notice (on_date, about, key)"
DROP = """
ALTER TABLE notify_notice DROP CONSTRAINT IF EXISTS notify_notice_once;
DROP INDEX IF EXISTS notify_notice_about;
"""
MAKE_OLD = """
ALTER TABLE notify_notice ADD CONSTRAINT notify_notice_once UNIQUE (on_date, key);
CREATE INDEX notify_notice_about ON notify_notice (on_date, about);
"""


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("notify", "0003_day_first")]

    operations = [
        migrations.RunSQL(MAKE, reverse_sql="DROP INDEX notify_notice_said_once"),
        migrations.RunSQL(DROP, reverse_sql=MAKE_OLD),
    ]
