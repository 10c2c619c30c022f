import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import routing.draft_models


class Migration(migrations.Migration):
    dependencies = [
        ("routing", "0005_receipt_received_at_by_clock"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PolicyDraft",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=routing.draft_models.new_draft_id, editable=False, max_length=20, unique=True
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("note", models.CharField(blank=True, default="", max_length=500)),
                ("document", models.TextField()),
                ("digest", models.CharField(max_length=64)),
                ("base_revision", models.PositiveIntegerField()),
                ("actor", models.CharField(max_length=120)),
                ("at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("published", "Published"), ("discarded", "Discarded")],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-at", "-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at", None), ("state", "waiting")),
                            models.Q(models.Q(("state", "waiting"), _negated=True), ("closed_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="policy_draft_waits_or_is_closed",
                    )
                ],
            },
        ),
    ]
