"""What a web process does before it serves."""

import subprocess
import sys
from pathlib import Path

from tests.running import portal_environment

TOLD = """
import gc, sys
import portal.wsgi
print("routing.api" in sys.modules, gc.get_freeze_count(), len(gc.get_objects()))
"""


def test_what_it_loaded_is_looked_through_for_garbage_once(tmp_path: Path) -> None:
    environment = portal_environment(KIRIKAE_DATA_DIR=str(tmp_path))

    done = subprocess.run(
        [sys.executable, "-c", TOLD], env=environment, capture_output=True, text=True, timeout=60, check=True
    )

    has_views, kept, looked_through = done.stdout.split()
    assert has_views == "True"
    assert int(kept) > 10 * int(looked_through)
