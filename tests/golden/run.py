"""Answers the golden cases with one engine: `python run.py kirikae.engine`. Needs the standard library only."""

import importlib
import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "routing" / "data"


def read_cases() -> list[dict[str, Any]]:
    files = sorted(path for path in HERE.glob("*.json") if path.name != "worlds.json")
    return [case for path in files for case in json.loads(path.read_text())]


class Worlds:
    """The policies and machines that cases name, as values of one engine."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._worlds = json.loads((HERE / "worlds.json").read_text())
        self._shipped = json.loads((DATA / "shipped_policy.json").read_text())
        self._prefixes = json.loads((DATA / "client_prefixes.json").read_text())
        self._catalogue = (DATA / "models.json").read_text()
        self.now = datetime.fromisoformat(self._worlds["now"])
        self._bundles: dict[str, Any] = {}

    def module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self._package}.{name}")

    def policy_sections(self, name: str) -> dict[str, Any]:
        sections: dict[str, Any] = self._worlds["policies"][name]
        return sections

    def facts_document(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = self._worlds["facts"][name]
        return document

    def policy(self, name: str) -> Any:
        document = {"version": 1, **self.policy_sections(name)}
        return self.module("policy.document").parse_policy(document, shipped=self._shipped)

    def payload(self, name: str) -> bytes:
        payload: bytes = self.module("bundle").build_payload(
            revision=1,
            epoch=1,
            issued_at=self.now,
            policy=self.policy(name),
            client_prefixes=self._prefixes,
            catalogue=self._catalogue,
        )
        return payload

    def bundle(self, name: str) -> Any:
        if name not in self._bundles:
            self._bundles[name] = self.module("bundle").parse_payload(self.payload(name))
        return self._bundles[name]

    def facts(self, name: str | None) -> Any:
        if name is None:
            return None
        facts, world = self.module("facts"), self.facts_document(name)
        benchmarks = facts.benchmarks_from_document({"benchmarks": world["benchmarks"]}) if world["benchmarks"] else ()
        return facts.facts_of(facts.report_from_document(world["report"]), benchmarks, machine="m_golden")

    def answer(self, case: dict[str, Any], *, language: str = "en") -> dict[str, Any]:
        """The whole answer document of one case."""
        wire, facts = self.module("wire"), self.module("facts")
        situation = facts.Situation(
            now=self.now,
            policy_state=case.get("policy_state", "fresh"),
            facts_age_s=case.get("facts_age_s", 3),
            machine_state=case.get("machine_state"),
        )
        answer = self.module("decide").decide(
            wire.request_from_document(case["request"]),
            bundle=self.bundle(case["policy"]),
            facts=self.facts(case["facts"]),
            situation=situation,
        )
        envelope = wire.Envelope(
            id="", valid_until=self.now + timedelta(minutes=1), decided_by="agent", policy_age_s=0,
            policy_state=situation.policy_state, facts_age_s=3, facts_source="agent",
        )  # fmt: skip
        document: dict[str, Any] = wire.answer_document(answer, envelope, language=language)
        return document


def differences(answer: dict[str, Any], expect: dict[str, Any]) -> Iterator[str]:
    """In words, where the answer is not what the case expects."""
    found: dict[str, Any] = {
        "backend": answer["backend"],
        "effect": answer["privacy"]["effect"],
        "classification": answer["privacy"]["classification"],
        "refusal": answer["refusal"] and answer["refusal"]["code"],
        "reasons": [one["code"] for one in answer["reasons"]],
        "warnings": [one["code"] for one in answer["warnings"]],
        "blocked_by": [one["blocked_by"] for one in answer["alternatives"]],
        "near_misses": [one["rule"] for one in answer["near_misses"]],
        "profile": answer["launch"] and answer["launch"]["profile"],
    }
    for key, wanted in expect.items():
        is_met = set(wanted) <= set(found[key]) if isinstance(wanted, list) else found[key] == wanted
        if not is_met:
            yield f"{key}: wanted {wanted}, got {found[key]}"


def main(package: str) -> int:
    worlds, failures = Worlds(package), 0
    canonical_answer = worlds.module("wire").canonical_answer
    for case in read_cases():
        answer = worlds.answer(case)
        for difference in differences(answer, case["expect"]):
            failures += 1
            print(f"{case['name']}: {difference}", file=sys.stderr)
        print(json.dumps([case["name"], canonical_answer(answer).decode()], ensure_ascii=False))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
