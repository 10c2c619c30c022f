"""Fills the head's new column from the policy in force; nothing has to be taken back."""

import json

from django.db import migrations


def fill(apps, schema_editor):
    alias = schema_editor.connection.alias
    heads = apps.get_model("common", "PolicyHead").objects.using(alias)
    revisions = apps.get_model("routing", "PolicyRevision").objects.using(alias)
    for head in heads.filter(revision__gt=0):
        revision = revisions.filter(number=head.revision).first()
        if revision is not None:
            head.model_rules = json.loads(revision.document).get("models", {})
            head.save(update_fields=["model_rules"])


class Migration(migrations.Migration):
    dependencies = [("routing", "0008_session_floor"), ("common", "0006_policy_head_model_rules")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
