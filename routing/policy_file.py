"""The policy file. Its syntax is that of all YAML files; the policy itself is judged by the engine."""

from portal.common.yaml_files import read_yaml
from routing.engine.errors import PolicyErrors


def read_policy_file(content: bytes) -> object:
    """The document of the file. Raises PolicyErrors with every problem of its syntax."""
    document, problems = read_yaml(content)
    if problems:
        raise PolicyErrors(tuple(problems))
    return document
