"""Fills the new column from the answers, in batches; nothing has to be taken back."""

from collections import defaultdict
from itertools import batched

from django.db import migrations

BATCH = 1000


def rules_of(privacy):
    codes = [*(privacy.get("rules") or ()), *(privacy.get("exceptions") or ())]
    return "".join(f"\n{code}" for code in codes) + "\n" if codes else ""


def fill(apps, schema_editor):
    decisions = apps.get_model("routing", "Decision").objects.using(schema_editor.connection.alias)
    answered = decisions.filter(rules="").order_by("pk").values_list("pk", "answer__privacy")
    for batch in batched(answered.iterator(chunk_size=BATCH), BATCH):
        by_rules = defaultdict(list)
        for pk, privacy in batch:
            by_rules[rules_of(privacy)].append(pk)
        by_rules.pop("", None)
        # A log rests on few combinations of rules, so these are few statements.
        for rules, pks in by_rules.items():
            decisions.filter(pk__in=pks).update(rules=rules)


class Migration(migrations.Migration):
    dependencies = [("routing", "0011_decision_rules")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
