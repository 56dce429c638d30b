from django.db import migrations, models

ENDS = """
ALTER TABLE notify_climb DROP CONSTRAINT notify_climb_ended_because_check;
ALTER TABLE notify_climb DROP CONSTRAINT notify_climb_check1;
ALTER TABLE notify_climb ADD CONSTRAINT notify_climb_ended_because_check
    CHECK (ended_because IN ('', {ends}));
ALTER TABLE notify_climb ADD CONSTRAINT notify_climb_check1
    CHECK ((proven_by IS NOT NULL) = (ended_because IN ({signs})))
"""
BEFORE = ENDS.format(ends="'delivered', 'seen', 'withdrawn', 'over'", signs="'delivered', 'seen'")
NOW = ENDS.format(ends="'delivered', 'seen', 'withdrawn', 'over', 'called'", signs="'delivered', 'seen', 'called'")


class Migration(migrations.Migration):
    dependencies = [("notify", "0013_through_the_notice")]

    operations = [
        migrations.RunSQL(
            NOW,
            reverse_sql=BEFORE,
            state_operations=[
                migrations.AlterField(
                    model_name="climb",
                    name="ended_because",
                    field=models.TextField(
                        blank=True,
                        choices=[
                            ("delivered", "Delivered"),
                            ("seen", "Seen"),
                            ("withdrawn", "Withdrawn"),
                            ("over", "Over"),
                            ("called", "Called"),
                        ],
                    ),
                ),
            ],
        ),
    ]
