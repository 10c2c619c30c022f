from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("machines", "0003_health_of_machines")]
    operations = [
        migrations.RemoveField(model_name="machine", name="last_seen_at"),
        migrations.RemoveField(model_name="machine", name="situation"),
    ]
