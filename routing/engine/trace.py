"""What is told beside the backend: reasons in the order of evaluation, near misses, warnings, alternatives."""

from dataclasses import dataclass, field

from .answer import Alternative, Data, NearMiss, Note, Reason, Stage


@dataclass(slots=True)
class Trace:
    """Collected while deciding; the same thing is told once."""

    reasons: list[Reason] = field(default_factory=list)
    near_misses: list[NearMiss] = field(default_factory=list)
    warnings: list[Note] = field(default_factory=list)
    alternatives: list[Alternative] = field(default_factory=list)

    def reason(self, stage: Stage, code: str, data: Data | None = None, *, rule: str | None = None) -> None:
        reason = Reason(stage, code, rule=rule, data=data or {})
        if reason not in self.reasons:
            self.reasons.append(reason)

    def warn(self, code: str, **data: object) -> None:
        note = Note(code, data)
        if note not in self.warnings:
            self.warnings.append(note)
