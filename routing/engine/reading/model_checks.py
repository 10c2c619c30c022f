"""What a pre-flight found out about one model in one version of its runtime. It beats what is said of the model."""

from datetime import datetime

from ..named_tuple import NamedTuple
from .shapes import ObjectReader


class ModelChecks(NamedTuple):
    """`can_call_tools` and `takes_late_system` were tried for real; None: not tried."""

    runtime_version: str | None
    can_call_tools: bool | None = None
    # Whether the model's template takes a system message in the middle of a conversation.
    takes_late_system: bool | None = None
    checked_at: datetime | None = None


def read_checks(reader: ObjectReader) -> ModelChecks:
    """Reads `{"runtime_version", "tool_call", "system_in_middle", "checked_at"}`."""
    checks = ModelChecks(
        runtime_version=reader.optional_visible_text("runtime_version", max_length=120),
        can_call_tools=reader.optional_boolean("tool_call"),
        takes_late_system=reader.optional_boolean("system_in_middle"),
        checked_at=None if reader.take("checked_at", None) is None else reader.time("checked_at"),
    )
    reader.close()
    return checks
