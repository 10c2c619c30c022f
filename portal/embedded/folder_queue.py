"""Celery's queue in a folder, for one machine: a message appears whole or not at all.

Kombu's own transport opens a file under its final name and writes afterwards; a worker that looked in between read an
empty message and ended. It also moves messages through the system's temporary folder, which others can read.
"""

import contextlib
import json
import logging
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem

log = logging.getLogger(__name__)

SCHEME = "folder"


class FolderChannel(filesystem.Channel):
    # kombu names the second argument in two ways; it gives it by place.
    def _put(self, queue: str, payload: Any, **_options: Any) -> None:  # type: ignore[override]
        # By time, so that messages of several processes come out in the order in which they went in.
        name = f"{time.time_ns():020}_{uuid.uuid4()}.{queue}.msg"
        part = Path(self.data_folder_out, f".{name}.part")
        part.write_text(json.dumps(payload))
        part.replace(part.with_name(name))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        for path in self._waiting(queue):
            taken = path.with_name(f".{path.name}.taken")
            with contextlib.suppress(FileNotFoundError):  # another worker was quicker
                path.replace(taken)
                content = taken.read_bytes()
                taken.unlink()
                with contextlib.suppress(ValueError):
                    return json.loads(content)
                log.warning("queue.message_unreadable", extra={"queue": queue})
        raise Empty

    def _waiting(self, queue: str) -> list[Path]:
        """The queue's messages, oldest first."""
        ending = f"{queue}.msg"
        return sorted(path for path in Path(self.data_folder_in).iterdir() if path.name.partition(".")[2] == ending)


class FolderTransport(filesystem.Transport):
    Channel = FolderChannel
    driver_name = SCHEME


def register() -> None:
    """Makes `folder://` known to Celery."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:FolderTransport"
