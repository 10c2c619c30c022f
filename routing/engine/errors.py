"""Errors of the engine.

EngineError
├── WireError      a request, report or answer that is not in the contract's shape; names the field
├── PolicyErrors   a policy document with problems; holds every one of them
└── BundleError    a bundle that must not be used
"""

from .named_tuple import NamedTuple


class EngineError(Exception):
    """`code` is stable and dotted, `detail` is one sentence that holds no content of files, prompts or paths."""

    def __init__(self, *, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class WireError(EngineError):
    """`field` is the place in the document, such as `projects[0].remotes[2].url`; empty for the whole."""

    def __init__(self, *, code: str, detail: str, field: str = "") -> None:
        super().__init__(code=code, detail=detail)
        self.field = field


class BundleError(EngineError):
    pass


class Problem(NamedTuple):
    """One thing wrong with a document: where, what was found, what is allowed."""

    path: str
    code: str
    found: str
    allowed: str

    @property
    def detail(self) -> str:
        return f"{self.path or 'the document'}: found {self.found}; allowed: {self.allowed}."


class PolicyErrors(EngineError):  # noqa: N818 - it holds many
    def __init__(self, problems: tuple[Problem, ...]) -> None:
        detail = " ".join(problem.detail for problem in problems)
        super().__init__(code="policy.invalid", detail=detail)
        self.problems = problems
