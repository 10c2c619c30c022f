"""What is asked: a task, the projects it reads, and the circumstances. Never a prompt, never file contents."""

from enum import StrEnum

from .named_tuple import NamedTuple


class Role(StrEnum):
    """How the session came to read a project."""

    CWD = "cwd"
    ADD_DIR = "add_dir"
    ENCLOSING = "enclosing"
    SUBMODULE = "submodule"
    SETTING = "setting"


class ClientName(StrEnum):
    CLAUDE = "claude"
    AIDER = "aider"
    GOOSE = "goose"
    CODEX = "codex"
    OTHER = "other"


class ClientMode(StrEnum):
    TUI = "tui"
    PRINT = "print"


class Remote(NamedTuple):
    """A git remote: `raw` as configured, `url` after `insteadOf` and ssh aliases were resolved."""

    raw: str
    url: str


class Project(NamedTuple):
    """The signals of one project. None: not collected; empty: looked, and found none."""

    remotes: tuple[Remote, ...] | None = None
    root_commits: tuple[str, ...] | None = None
    markers: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    role: Role = Role.CWD
    is_complete: bool = True


ANONYMOUS_PROJECT = Project()


class Session(NamedTuple):
    """`floor` is the strictest effect that this session has met so far, as a text of `Effect`."""

    id: str | None = None
    floor: str | None = None


class Client(NamedTuple):
    name: ClientName
    version: str | None = None
    mode: ClientMode | None = None


class TaskRequest(NamedTuple):
    """`context_tokens` is the task's own content, without what the client puts in front of it."""

    task: str
    projects: tuple[Project, ...] = (ANONYMOUS_PROJECT,)
    context_tokens: int = 0
    parallel_agents: int | None = None
    needs: tuple[str, ...] = ()
    is_offline: bool = False
    deadline_s: float | None = None
    session: Session = Session()
    client: Client | None = None
    machine: str | None = None
    # True when the caller named no task and the policy's default stands here.
    is_task_assumed: bool = False
