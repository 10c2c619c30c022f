"""A stand-in portal: enrolment, reports, the signed bundle and receipts, as the API answers them."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from kirikae.engine.bundle import build_payload
from kirikae.engine.policy.document import parse_policy

from tests.agent.standin import answer

DATA = Path(__file__).parents[2] / "routing" / "data"
SHIPPED = json.loads((DATA / "shipped_policy.json").read_text())
PREFIXES = json.loads((DATA / "client_prefixes.json").read_text())
APPROVED = {"state": "approved", "machine": "m_1", "token": "kmt_ID_SECRET"}


def payload_of(
    *,
    revision: int = 1,
    epoch: int = 1,
    issued_at: datetime | None = None,
    catalogue: str | None = None,
    **policy: object,
) -> bytes:
    """The bundle of the shipped policy with these sections replaced."""
    return build_payload(
        revision=revision,
        epoch=epoch,
        issued_at=issued_at or datetime.now(UTC),
        policy=parse_policy({"version": 1, **policy}, shipped=SHIPPED),
        client_prefixes=PREFIXES,
        catalogue=catalogue,
    )


@dataclass
class Portal:
    """Answers from its fields; `requests` holds (method, path, headers, body)."""

    payload: bytes = field(default_factory=payload_of)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    polls: list[Mapping[str, object]] = field(default_factory=list)
    requests: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    receipts_status: str = "200 OK"
    revision: int = 1
    is_rotation_due: bool = False
    new_token: str = "kmt_ID_NEW"
    # A code: then neither messages nor the bundle are for this machine.
    refusal: str = ""
    is_quarantined: bool = False
    agents_port: int | None = None
    clock_ahead: timedelta = timedelta()

    @property
    def signing_key(self) -> str:
        return base64.b64encode(self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    @property
    def etag(self) -> str:
        return f'"{hash(self.payload):x}"'

    def bundle(self) -> dict[str, object]:
        signature = base64.b64encode(self.key.sign(self.payload)).decode()
        return {"key_id": "k1", "payload": self.payload.decode(), "signature": signature}

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(body) for _, asked, _, body in self.requests if asked == path]

    def __call__(self, request: bytes, send: Callable[[bytes], None]) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        method, path, *_ = head.decode().split(" ")
        self.requests.append((method, path, head.decode().lower(), body))
        send(self._answer(path, head.decode(), body))

    def _answer(self, path: str, head: str, body: bytes) -> bytes:
        refusal = "machine.quarantined" if self.is_quarantined and path == "/api/v1/bundle" else self.refusal
        if refusal:
            problem = {"code": refusal, "detail": "Not for this machine."}
            return answer(json.dumps(problem).encode(), status="403 Forbidden")
        ways: dict[str, Callable[[], bytes]] = {
            "/api/v1/bundle": lambda: self._send_bundle(head),
            "/api/v1/enrolments": lambda: self._enrol(json.loads(body)["join_key"]),
            "/api/v1/enrolments/poll": lambda: answer(json.dumps(self.polls.pop(0)).encode()),
            "/api/v1/receipts": lambda: answer(b'{"code":"busy","detail":"Busy."}', status=self.receipts_status),
            "/api/v1/token": self._rotate,
        }
        return ways.get(path, self._take_message)()

    def _send_bundle(self, head: str) -> bytes:
        date = {"Date": format_datetime(datetime.now(UTC) + self.clock_ahead, usegmt=True)}
        if self.etag in head:
            return answer(b"", status="304 Not Modified", headers=date)
        return answer(json.dumps(self.bundle()).encode(), headers={"ETag": self.etag, **date})

    def _rotate(self) -> bytes:
        self.is_rotation_due = False
        return answer(json.dumps({"token": self.new_token}).encode(), status="201 Created")

    def _take_message(self) -> bytes:
        pace = {"heartbeat_s": 5, "report_s": 600, "policy_revision": self.revision, "policy_epoch": 1}
        more = {"rotate_token": self.is_rotation_due, "agents_port": self.agents_port}
        return answer(json.dumps(pace | more).encode())

    def _enrol(self, join_key: str | None) -> bytes:
        if join_key == "good":
            return answer(json.dumps(self.approved()).encode(), status="201 Created")
        if join_key is not None:
            problem = {"code": "enrolment.join_key_invalid", "detail": "No such key."}
            return answer(json.dumps(problem).encode(), status="403 Forbidden")
        pending = {
            "state": "pending",
            "code": "ABCD-EFGH",
            "poll_token": "p",
            "interval_s": 0.2,
            "approve_url": "http://x",
        }
        return answer(json.dumps(pending).encode(), status="201 Created")

    def approved(self) -> dict[str, object]:
        return {**APPROVED, "signing_key": self.signing_key}
