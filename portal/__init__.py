# Tasks declared with `shared_task` belong to this app in every process.
from portal.celery import app as celery_app

__all__ = ["celery_app"]
