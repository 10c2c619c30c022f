"""What must be done before the portal's processes start: database, static files, folders and the first policy."""

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.utils.translation import gettext as _

from portal.common.signing import get_signing_key
from portal.embedded.checks import StartRefused
from portal.embedded.upgrade import upgrade_database
from portal.terminal import reason_of
from routing.services import ensure_first_revision


def prepare() -> None:
    """Safe to repeat. Leaves no database connection open. Raises StartRefused and ImproperlyConfigured."""
    try:
        for name in ("logs", "queue", "queue/control"):
            (settings.DATA_DIR / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        upgrade_database(settings.DATA_DIR)
        call_command("collectstatic", verbosity=0, interactive=False)
    except OSError as error:
        told = _("%(folder)s cannot be written: %(reason)s. Make room there.")
        raise StartRefused(told % {"folder": settings.DATA_DIR, "reason": reason_of(error)}) from error
    # Made or read now: with a damaged one every Mac would be refused its policy later.
    get_signing_key()
    ensure_first_revision()
    connections.close_all()
