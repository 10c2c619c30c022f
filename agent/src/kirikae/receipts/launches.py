"""What receipts say of a launch: names, codes and classes; never a prompt or the value of an argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kirikae.answering.deciding import Decision
from kirikae.collect.runtime_facts import base_url_of, mapping_of
from kirikae.digest import sha256_hex
from kirikae.engine.stages.loopback import is_loopback
from kirikae.engine.wire import encode, request_document
from kirikae.home import Home
from kirikae.moments import now, write_moment
from kirikae.receipts.notes import write_note
from kirikae.receipts.spool import write_receipt


class LaunchReceipts:
    """The first receipt of a launch, or the one that says why there was none."""

    def __init__(
        self,
        home: Home,
        decision: Decision,
        client: str,
        *,
        preflight: Sequence[Mapping[str, object]] = (),
        guard: str = "advisory",
    ) -> None:
        self.home = home
        self.decision = decision
        self.client = client
        self.preflight = preflight
        self.guard = guard
        self.version: str | None = None
        self.refused_argument: str | None = None

    def note_blocked(self) -> None:
        """Raises PreflightError when it cannot be written."""
        self._write(self._receipt("blocked"))

    def note_direct(self) -> None:
        """A session that was started without Kirikae. Raises PreflightError."""
        self._write(self._receipt("direct"))

    def note_start(self) -> str:
        """The file from which later receipts are made. Raises PreflightError: nothing is launched then."""
        receipt = self._receipt("start")
        self._write(receipt)
        return write_note(self.home, receipt, decision_id=str(self.decision.document["id"]))

    def _write(self, receipt: Mapping[str, object]) -> None:
        write_receipt(self.home, receipt, name=f"{self.decision.document['id']}-{receipt['kind']}")

    def _receipt(self, kind: str) -> dict[str, object]:
        document = self.decision.document
        return {
            "decision": {
                "id": document["id"],
                "request": request_document(self.decision.request),
                "answer": document,
                "facts_digest": f"sha256:{sha256_hex(encode(self.decision.facts))}",
                "policy_epoch": self.decision.policy_epoch,
            },
            "kind": kind,
            "at": write_moment(now()),
            "launched": self._launched(),
            "exit": None,
            "preflight": list(self.preflight),
            "guard": self.guard,
        }

    def _launched(self) -> dict[str, object]:
        document = self.decision.document
        return {
            "client": self.client,
            "version": self.version,
            "backend": document["backend"],
            "model": mapping_of(document, "model").get("name"),
            "base_url_class": _base_url_class(document),
            "profile": mapping_of(document, "launch").get("profile"),
            "args_refused": [self.refused_argument] if self.refused_argument else [],
        }


def _base_url_class(document: Mapping[str, object]) -> str | None:
    base_url = base_url_of(document)
    if base_url:
        return "loopback" if is_loopback(base_url) else "other"
    return "anthropic" if document["backend"] == "cloud" else None
