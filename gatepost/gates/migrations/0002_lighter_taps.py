from django.db import migrations, models

import gatepost.gates.models

# Every tap pays for every index. By school and time only the refused ones are looked for; the queue is read by shard.
LIGHTER = """
DROP INDEX gates_tap_by_school;
CREATE INDEX gates_tap_refused ON gates_tap (school_id, tapped_at) WHERE reason <> '';
ALTER TABLE gates_tapqueue DROP CONSTRAINT gates_tapqueue_pkey;
ALTER TABLE gates_tapqueue ADD PRIMARY KEY (shard, id);
DROP INDEX gates_tapqueue_by_shard;
"""
AS_BEFORE = """
CREATE INDEX gates_tapqueue_by_shard ON gates_tapqueue (shard, id);
ALTER TABLE gates_tapqueue DROP CONSTRAINT gates_tapqueue_pkey;
ALTER TABLE gates_tapqueue ADD PRIMARY KEY (id);
DROP INDEX gates_tap_refused;
CREATE INDEX gates_tap_by_school ON gates_tap (school_id, tapped_at);
"""


class Migration(migrations.Migration):
    dependencies = [("gates", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(LIGHTER, reverse_sql=AS_BEFORE)],
            state_operations=[
                migrations.RemoveIndex(model_name="tapqueue", name="gates_tapqueue_by_shard"),
                migrations.AddField(
                    model_name="tapqueue",
                    name="pk",
                    field=models.CompositePrimaryKey(
                        "shard", "id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                migrations.AlterField(
                    model_name="tapqueue",
                    name="id",
                    field=models.BigIntegerField(db_default=gatepost.gates.models.NextOf("gates_tapqueue_id_seq")),
                ),
            ],
        )
    ]
