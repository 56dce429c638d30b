from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("attendance", "0002_restored_days_wait")]

    operations = [
        # Nobody asks for days without the school, and each tap of a morning wrote to a page of its own there.
        migrations.RunSQL(
            "DROP INDEX IF EXISTS attendance_day_of_student",
            reverse_sql="CREATE INDEX attendance_day_of_student ON attendance_day (student_id, date)",
        )
    ]
