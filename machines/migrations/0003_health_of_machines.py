"""Each machine gets its health row, with what was known of its presence."""

from django.db import migrations

BATCH_ROWS = 500


def give(apps, schema_editor):
    Machine, Health = apps.get_model("machines", "Machine"), apps.get_model("machines", "Health")
    rows = Machine.objects.order_by("pk").values_list("pk", "last_seen_at", "situation")
    last = 0
    while batch := list(rows.filter(pk__gt=last)[:BATCH_ROWS]):
        # Due at once: the first evaluation says when each is due next.
        Health.objects.bulk_create(
            Health(machine_id=pk, seen_at=seen_at, due_at=seen_at, situation=situation)
            for pk, seen_at, situation in batch
        )
        last = batch[-1][0]


def take_back(apps, schema_editor):
    Machine, Health = apps.get_model("machines", "Machine"), apps.get_model("machines", "Health")
    for health in Health.objects.iterator(chunk_size=BATCH_ROWS):
        Machine.objects.filter(pk=health.pk).update(last_seen_at=health.seen_at, situation=health.situation)
    # The older schema knows fewer states.
    for new, old in (("asleep", "offline"), ("degraded", "online"), ("quarantined", "online")):
        Machine.objects.filter(state=new).update(state=old)


class Migration(migrations.Migration):
    dependencies = [("machines", "0002_health_tables")]
    operations = [migrations.RunPython(give, take_back)]
