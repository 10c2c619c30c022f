"""The agent's state folder: only this user may read it, and every write replaces a whole file."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from kirikae.engine.named_tuple import NamedTuple
from kirikae.errors import NotEnrolledError, PreflightError
from kirikae.home_path import find_home_path, usual_path
from kirikae.project_folders import home_of_user, is_in_checkout, lies_in_project
from kirikae.token_store import find_in_keychain, keep_in_keychain

TOKEN = "token"  # noqa: S105 - the name of a file
MACHINE = "machine.json"
PROBE = "probe"
# The disk, or what this user may keep on it, is full.
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Enrolment(NamedTuple):
    """What the portal gave at enrolment; `signing_key` is its base64 Ed25519 public key, pinned from then on."""

    portal_url: str
    machine: str
    name: str
    signing_key: str


class Home(NamedTuple):
    path: Path

    def prepare(self) -> None:
        """Raises PreflightError when the folder cannot be made, or is open and somebody else's, as /tmp would be."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.path.stat().st_mode & 0o077:
                if not self._is_own():
                    raise PreflightError("home.not_own", path=self.path)
                self.path.chmod(0o700)
        except OSError as error:
            raise unwritten(self.path, error) from error

    def _is_own(self) -> bool:
        names = {path.name for path in self.path.iterdir()}
        return not names or MACHINE in names

    def read_bytes(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except OSError:
            return None

    def read_json(self, name: str) -> dict[str, object]:
        """Empty when the file is missing or no JSON object: all these files can be made again."""
        try:
            document = json.loads(self.read_bytes(name) or b"{}")
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    def write(self, name: str, content: bytes, *, is_flushed: bool = True) -> None:
        """Atomic, readable by this user only. Raises PreflightError.

        Flushed: a power failure leaves what was there before or all of the new; it may take milliseconds.
        """
        target = self.path / name
        # Not tempfile: its import costs every launch 3 ms.
        temporary = target.with_name(f".{target.name}.{os.urandom(6).hex()}")
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                if is_flushed:
                    os.fsync(file.fileno())
            temporary.replace(target)
        except OSError as error:
            # A full disk must not fill up with halves of files.
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise unwritten(target, error) from error

    def flush_names(self, folder: str) -> None:
        """Names of files in the folder outlast a power failure from here on. Raises PreflightError."""
        try:
            handle = os.open(self.path / folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            # A file system that has no such thing says EINVAL.
            if error.errno != errno.EINVAL:
                raise unwritten(self.path / folder, error) from error

    def write_json(self, name: str, document: Mapping[str, object], *, is_flushed: bool = True) -> None:
        self.write(name, json.dumps(document, ensure_ascii=False, sort_keys=True).encode(), is_flushed=is_flushed)

    @contextlib.contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Of processes that read this file and write it anew, each within, none loses what another wrote.

        Waits for those before it; a process that asks again within waits for itself. Raises PreflightError.
        """
        import fcntl  # noqa: PLC0415 - most launches change nothing that others change too

        target = self.path / name
        try:
            handle = os.open(target.with_name(f".{target.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError as error:
            raise unwritten(target, error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def prove_writable(self) -> None:
        """Raises PreflightError: asked before something that comes only once would have to be kept."""
        self.write(PROBE, b"kirikae")
        (self.path / PROBE).unlink(missing_ok=True)

    def keep_json(self, name: str, document: Mapping[str, object]) -> None:
        """What can be found out again: where it cannot be kept, an answer does without."""
        with contextlib.suppress(PreflightError):
            self.write_json(name, document)

    def find_enrolment(self) -> Enrolment | None:
        document = self.read_json(MACHINE)
        values = [document.get(field) for field in ("portal_url", "machine", "name", "signing_key")]
        texts = [value for value in values if isinstance(value, str)]
        return Enrolment(*texts) if len(texts) == 4 else None

    def get_enrolment(self) -> Enrolment:
        enrolment = self.find_enrolment()
        if enrolment is None:
            raise NotEnrolledError("not_enrolled")
        return enrolment

    def get_token(self) -> str:
        """Raises NotEnrolledError."""
        kept_here = (self.read_bytes(TOKEN) or b"").decode("ascii", "replace").strip()
        if kept_here:
            # In a header anything else would be refused, or begin another one.
            if not (kept_here.isascii() and kept_here.isprintable()):
                raise NotEnrolledError("token_damaged", path=self.path / TOKEN)
            return kept_here
        enrolment = self.find_enrolment()
        kept = find_in_keychain(enrolment.machine) if enrolment else None
        if kept is None:
            raise NotEnrolledError("not_enrolled")
        return kept

    def keep_token(self, token: str, *, machine: str) -> None:
        """A file is written only where there is no keychain; one from before goes when the keychain has it."""
        if keep_in_keychain(machine, token):
            (self.path / TOKEN).unlink(missing_ok=True)
        else:
            self.write(TOKEN, token.encode())

    def save_enrolment(self, enrolment: Enrolment, *, token: str) -> None:
        """A bundle of another portal, or of another key, is forgotten with its high-water marks."""
        before = self.find_enrolment()
        if before is None or before.signing_key != enrolment.signing_key:
            for name in ("bundle.json", "seen.json"):
                (self.path / name).unlink(missing_ok=True)
        self.keep_token(token, machine=enrolment.machine)
        self.write_json(MACHINE, enrolment._asdict())


def unwritten(path: Path, error: OSError) -> PreflightError:
    return PreflightError("home.disk_full" if error.errno in NO_ROOM else "home.not_writable", path=path)


def find_home(environment: Mapping[str, str] = os.environ) -> Home:
    """Raises PreflightError for one that a repository could have brought, with a policy of its own."""
    path = find_home_path(environment)
    is_usual = path == usual_path(home_of_user())
    if not is_usual and (is_in_checkout(path) or lies_in_project(path, *_working_directory())):
        raise PreflightError("home.in_project", path=path)
    return Home(Path(path))


def _working_directory() -> list[str]:
    try:
        return [os.getcwd()]  # noqa: PTH109 - may be gone
    except FileNotFoundError:
        return []
