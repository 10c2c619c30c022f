"""What is told beside the backend: reasons in the order of evaluation, near misses, warnings, alternatives."""

from ..answer import Alternative, Data, NearMiss, Note, Reason, Stage


class Trace:
    """Collected while deciding; the same thing is told once."""

    __slots__ = ("alternatives", "near_misses", "reasons", "warnings")

    def __init__(self) -> None:
        self.reasons: list[Reason] = []
        self.near_misses: list[NearMiss] = []
        self.warnings: list[Note] = []
        self.alternatives: list[Alternative] = []

    def reason(self, stage: Stage, code: str, data: Data | None = None, *, rule: str | None = None) -> None:
        reason = Reason(stage, code, rule=rule, data=data or {})
        if reason not in self.reasons:
            self.reasons.append(reason)

    def warn(self, code: str, **data: object) -> None:
        note = Note(code, data)
        if note not in self.warnings:
            self.warnings.append(note)
