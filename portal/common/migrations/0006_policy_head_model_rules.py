from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("common", "0005_policy_head_recommended"),
    ]

    operations = [
        migrations.AddField(
            model_name="policyhead",
            name="model_rules",
            field=models.JSONField(default=dict),
        ),
    ]
