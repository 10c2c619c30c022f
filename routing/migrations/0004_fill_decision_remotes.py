"""Fills the new column from the requests, in batches; nothing has to be taken back."""

from django.db import migrations

BATCH = 500


def remotes_of(request):
    found = [remote for project in request.get("projects") or [] for remote in project.get("remotes") or []]
    return "\n".join(dict.fromkeys(found))


def fill(apps, schema_editor):
    decisions = apps.get_model("routing", "Decision").objects.using(schema_editor.connection.alias)
    batch = []
    for decision in decisions.filter(remotes="").only("pk", "request").iterator(chunk_size=BATCH):
        decision.remotes = remotes_of(decision.request)
        batch.append(decision)
        if len(batch) == BATCH:
            decisions.bulk_update(batch, ["remotes"])
            batch = []
    decisions.bulk_update(batch, ["remotes"])


class Migration(migrations.Migration):
    dependencies = [("routing", "0003_decision_remotes")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
