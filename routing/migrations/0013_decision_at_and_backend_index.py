"""Time and answer of each decision in one index, from which the chart counts. SQLite need not copy the table for it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("routing", "0012_fill_decision_rules")]

    operations = [
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(fields=["at", "backend"], name="decision_at_and_backend"),
        ),
    ]
