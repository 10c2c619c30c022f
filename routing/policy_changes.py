"""What changed between two policy documents, in counts and codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# The parts of a policy document but its rules, as people call them.
SECTIONS = {
    "organisation": gettext_lazy("the organisation"),
    "unclassified": gettext_lazy("projects without a class"),
    "default_task": gettext_lazy("the task when none is named"),
    "limits": gettext_lazy("limits"),
    "models": gettext_lazy("allowed and recommended models"),
    "exceptions": gettext_lazy("exceptions"),
    "tasks": gettext_lazy("the task matrix"),
    "overrides": gettext_lazy("overrides of the matrix"),
    "cases": gettext_lazy("the policy's own test cases"),
}


@dataclass(frozen=True)
class PolicyChanges:
    """Rule codes that came, went and changed; `sections` are the other parts that differ."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    sections: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.removed or self.changed or self.sections)

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> "PolicyChanges":
        """The other way round of `as_data`."""
        keys = ("rules_added", "rules_removed", "rules_changed", "sections_changed")
        return cls(*(tuple(data.get(key, ())) for key in keys))

    @property
    def section_names(self) -> list[str]:
        return [str(SECTIONS.get(section, section)) for section in self.sections]

    def as_data(self) -> dict[str, object]:
        found = {
            "rules_added": list(self.added),
            "rules_removed": list(self.removed),
            "rules_changed": list(self.changed),
            "sections_changed": list(self.sections),
        }
        return {key: value for key, value in found.items() if value}

    def in_words(self) -> str:
        """One line for people, in their language."""
        parts = {
            _("rules added"): self.added,
            _("rules removed"): self.removed,
            _("rules changed"): self.changed,
            _("also changed"): tuple(self.section_names),
        }
        found = [f"{label}: {', '.join(codes)}" for label, codes in parts.items() if codes]
        return "; ".join(found) or _("nothing changes")


def describe_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> PolicyChanges:
    """`before` is empty for the first revision: then all rules count as added and no section as changed."""
    old = {rule["id"]: rule for rule in before.get("privacy_rules", [])}
    new = {rule["id"]: rule for rule in after.get("privacy_rules", [])}
    sections = [key for key in after if key != "privacy_rules" and before and before.get(key) != after[key]]
    return PolicyChanges(
        added=tuple(code for code in new if code not in old),
        removed=tuple(code for code in old if code not in new),
        changed=tuple(code for code in new if code in old and new[code] != old[code]),
        sections=tuple(sections),
    )
