from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

from portal.common.migration_time import lift_limits, restore_limits


class CommonConfig(AppConfig):
    name = "portal.common"

    def ready(self) -> None:
        # Sent once for each app, all of them before the first migration; ours is enough.
        pre_migrate.connect(lift_limits, sender=self)
        post_migrate.connect(restore_limits, sender=self)
