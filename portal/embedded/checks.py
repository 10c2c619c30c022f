"""What must hold before anything starts. Each refusal is one sentence that says what to do."""

import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

from django.utils.translation import gettext as _

from portal.terminal import reason_of

# SQLite's write-ahead log needs shared memory, which these do not give.
NETWORK_FILE_SYSTEMS = frozenset(
    {"afpfs", "afs", "ceph", "cifs", "davfs", "fuse.rclone", "fuse.sshfs", "glusterfs", "lustre", "nfs", "nfs4"}
    | {"ncpfs", "smb2", "smb3", "smbfs", "webdav"}
)
SYNCED_FOLDERS = frozenset({"CloudStorage", "Mobile Documents", "Dropbox", "OneDrive", "Google Drive"})


class StartRefused(Exception):  # noqa: N818 - it is not a fault of the program
    """The portal cannot start; the text says why and what to do."""


def check_data_folder(folder: Path) -> None:
    if synced := sorted(SYNCED_FOLDERS.intersection(folder.resolve().parts)):
        told = _("%(folder)s is in a synced folder (%(kind)s). Choose a local one with --data-dir.")
        raise StartRefused(told % {"folder": folder, "kind": synced[0]})
    kind = file_system_of(folder.resolve(), mounts=read_mounts())
    if kind in NETWORK_FILE_SYSTEMS:
        told = _("%(folder)s is on a network file system (%(kind)s). Choose a local one with --data-dir.")
        raise StartRefused(told % {"folder": folder, "kind": kind})
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        told = _("%(folder)s cannot be written: %(reason)s. Choose another with --data-dir.")
        raise StartRefused(told % {"folder": folder, "reason": reason_of(error)}) from error


def read_mounts() -> list[tuple[str, str]]:
    """(mount point, kind) of every mounted file system."""
    if sys.platform == "darwin":
        listed = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False).stdout
        return parse_macos_mounts(listed)
    try:
        listed = Path("/proc/self/mounts").read_text()
    except OSError:
        return []
    return [(_unescape(fields[1]), fields[2]) for line in listed.splitlines() if len(fields := line.split()) > 2]


def parse_macos_mounts(listed: str) -> list[tuple[str, str]]:
    """Lines such as `//aiko@nas/share on /Volumes/share (smbfs, nodev, nosuid)`."""
    mounts = []
    for line in listed.splitlines():
        place, _parenthesis, options = line.rpartition(" (")
        _device, _on, point = place.partition(" on ")
        if point:
            mounts.append((point, options.split(",")[0].rstrip(")").strip()))
    return mounts


def file_system_of(folder: Path, *, mounts: list[tuple[str, str]]) -> str:
    """Kind of the file system with the longest mount point above the folder; empty when unknown."""
    above = [(len(point), kind) for point, kind in mounts if folder.is_relative_to(point)]
    return max(above, default=(0, ""))[1]


def _unescape(point: str) -> str:
    return point.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")


def check_port(host: str, port: int) -> None:
    try:
        # No SO_REUSEPORT: a server that is left over must be noticed, not joined.
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return
    except (OSError, OverflowError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        told = _("Cannot listen on %(host)s port %(port)d: %(reason)s. Choose another with --port.")
        raise StartRefused(told % {"host": host, "port": port, "reason": reason}) from error


def lock_data_folder(folder: Path) -> IO[str]:
    """Held until the process ends. Two portals on one folder would run every schedule twice."""
    lock = (folder / "up.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        told = _("Another portal already runs on %(folder)s. Stop it or choose another --data-dir.")
        raise StartRefused(told % {"folder": folder}) from error
    return lock
