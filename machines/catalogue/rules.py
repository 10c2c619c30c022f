"""What the policy in force says of models for all work: which it forbids, and which it recommends for which memory."""

from portal.common.models import PolicyHead
from routing.engine.policy.rule_reading import read_models
from routing.engine.policy.values import ModelRules
from routing.engine.reading.shapes import ObjectReader, Problems


def rules_of(head: PolicyHead) -> ModelRules:
    """Projects may forbid more; that stands in their answers. The head was checked when it was published."""
    document = {"allow": [], "deny": [], **head.model_rules}
    return read_models(ObjectReader(document, path="", problems=Problems()), has_recommended=True)
