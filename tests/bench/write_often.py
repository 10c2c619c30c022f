"""One of the writers of `.ci/bench ground`: transactions on the real tables, and how long each took."""

import json
import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.db import OperationalError, transaction  # noqa: E402 - after the set-up
from django.utils import timezone  # noqa: E402

from portal.accounts.models import SignInFailure  # noqa: E402
from portal.health.models import WorkerHeartbeat  # noqa: E402


def main(transactions: int) -> None:
    waits_ms, failed = [], 0
    for number in range(transactions):
        started = time.monotonic()
        try:
            with transaction.atomic():
                WorkerHeartbeat.objects.get_or_create(id=1, defaults={"beaten_at": timezone.now()})
                WorkerHeartbeat.objects.update(beaten_at=timezone.now())
                SignInFailure.objects.create(email=f"{number}@example.org", address="127.0.0.1", at=timezone.now())
        except OperationalError:
            failed += 1
            continue
        waits_ms.append((time.monotonic() - started) * 1000)
    json.dump({"failed": failed, "waits_ms": waits_ms}, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]))
