"""A column for the rules that a decision rests on, so that the log can be filtered by them without its answers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("routing", "0010_policy_draft_request")]

    operations = [
        migrations.AddField(
            model_name="decision",
            name="rules",
            # The database's own default: a process of the version before goes on writing meanwhile.
            field=models.TextField(blank=True, db_default="", default=""),
        ),
    ]
