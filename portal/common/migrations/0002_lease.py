"""Who does a scheduled job right now."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("common", "0001_policy_head"),
    ]

    operations = [
        migrations.CreateModel(
            name="Lease",
            fields=[
                ("job", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("owner", models.CharField(max_length=32)),
                ("taken_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
            ],
        ),
    ]
