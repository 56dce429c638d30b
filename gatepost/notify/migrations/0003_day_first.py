from django.db import migrations

# The day leads: a morning writes side by side what it would otherwise scatter over a month's index, page by page.
DAY_FIRST = """
ALTER TABLE notify_notice ADD CONSTRAINT notify_notice_once UNIQUE (on_date, key);
ALTER TABLE notify_notice DROP CONSTRAINT notify_notice_key_on_date_key;
DROP INDEX notify_notice_about;
CREATE INDEX notify_notice_about ON notify_notice (on_date, about);
DROP INDEX notify_delivery_about;
CREATE INDEX notify_delivery_about ON notify_delivery (on_date, about);
"""

BACK = """
ALTER TABLE notify_notice ADD CONSTRAINT notify_notice_key_on_date_key UNIQUE (key, on_date);
ALTER TABLE notify_notice DROP CONSTRAINT notify_notice_once;
DROP INDEX notify_notice_about;
CREATE INDEX notify_notice_about ON notify_notice (about, on_date);
DROP INDEX notify_delivery_about;
CREATE INDEX notify_delivery_about ON notify_delivery (about, on_date);
"""


class Migration(migrations.Migration):
    dependencies = [("notify", "0002_prove_addresses")]

    operations = [migrations.RunSQL(DAY_FIRST, reverse_sql=BACK)]
