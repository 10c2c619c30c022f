"""A column for the remotes of a decision, so that the log can be filtered and grouped by them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("routing", "0002_decision_log")]

    operations = [
        migrations.AddField(
            model_name="decision",
            name="remotes",
            field=models.TextField(blank=True, default=""),
        ),
    ]
