"""The one parser and the one encoder of requests and answers, for the API, the command line and the offline wrapper.

Shapes: the HTTP API's request and answer, documented in docs/api.md. Unknown fields are refused.
"""

from .answer import Answer, Envelope, answer_document, canonical_answer
from .effects import Effect
from .errors import WireError
from .facts import raise_first
from .identity import normalise_remote
from .reading import strict_json
from .reading.shapes import ObjectReader, Problems, read_whole
from .reading.strict_json import encode
from .reading.strict_json import parse as parse_json
from .request import ANONYMOUS_PROJECT, Client, ClientMode, ClientName, Project, Remote, Role, Session, TaskRequest

__all__ = [
    "MAX_REQUEST_BYTES",
    "Answer",
    "Envelope",
    "WireError",
    "answer_document",
    "canonical_answer",
    "encode",
    "loggable_request",
    "parse_json",
    "parse_request",
    "request_document",
    "request_from_document",
]

MAX_REQUEST_BYTES = 64 * 1024
MAX_PROJECTS = 64
MAX_REMOTES = 64
MAX_PATHS = 16
MAX_SIGNAL_LENGTH = 2048
NEEDS = ("tools", "vision")


def parse_request(body: bytes) -> TaskRequest:
    """The request that the body holds. Raises WireError, never anything else."""
    return request_from_document(strict_json.parse(body, max_bytes=MAX_REQUEST_BYTES))


def request_from_document(document: object) -> TaskRequest:
    """The same from parsed JSON. Raises WireError for the first thing outside the allowed shape."""
    request, problems = read_whole(document, _read_request)
    raise_first(problems)
    return request


def request_document(request: TaskRequest) -> dict[str, object]:
    """The request in its full form; parsing it gives the same request."""
    return {
        "task": request.task,
        "projects": [project_document(project) for project in request.projects],
        "context_tokens": request.context_tokens,
        "parallel_agents": request.parallel_agents,
        "needs": list(request.needs),
        "offline": request.is_offline,
        "deadline_s": request.deadline_s,
        "session": {"id": request.session.id, "floor": request.session.floor},
        "client": _client_document(request.client),
        "machine": request.machine,
    }


def loggable_request(request: TaskRequest) -> dict[str, object]:
    """The request as a log may keep it: remotes without credentials, folders only by their number."""
    document = request_document(request)
    document["projects"] = [_loggable_project(project) for project in request.projects]
    return document


def _read_request(reader: ObjectReader) -> TaskRequest:
    has_projects = reader.has("projects")
    reader.take("projects", None)
    return TaskRequest(
        task=reader.text("task", max_length=64),
        projects=read_projects(reader) if has_projects else (ANONYMOUS_PROJECT,),
        context_tokens=reader.integer("context_tokens", 0, high=100_000_000),
        parallel_agents=reader.optional_integer("parallel_agents", low=1, high=1000),
        needs=tuple(sorted(set(_read_needs(reader)))),
        is_offline=reader.boolean("offline", default=False),
        deadline_s=reader.optional_number("deadline_s", high=1e6),
        session=_read_session(reader),
        client=_read_client(reader),
        machine=reader.optional_text("machine", max_length=40),
    )


def read_projects(reader: ObjectReader) -> tuple[Project, ...]:
    return tuple(_read_project(one) for one in reader.readers("projects", low=1, high=MAX_PROJECTS))


def _read_needs(reader: ObjectReader) -> tuple[str, ...]:
    needs = reader.texts("needs", [], high=len(NEEDS) * 2, max_length=20)
    for index, need in enumerate(needs):
        if need not in NEEDS:
            reader.wrong(f"needs[{index}]", found=need, allowed=", ".join(NEEDS))
    return needs


def _read_project(reader: ObjectReader) -> Project:
    reader.is_private = True
    project = Project(
        remotes=_read_remotes(reader),
        root_commits=reader.optional_texts("root_commits", high=64, max_length=64),
        markers=reader.optional_texts("markers", high=64, max_length=200),
        paths=reader.optional_texts("paths", high=MAX_PATHS, max_length=MAX_SIGNAL_LENGTH),
        labels=reader.optional_texts("labels", high=64, max_length=200),
        role=Role(reader.choice("role", tuple(Role), default=Role.CWD)),
        is_complete=reader.boolean("complete", default=True),
    )
    reader.close()
    return project


def _read_remotes(reader: ObjectReader) -> tuple[Remote, ...] | None:
    if reader.take("remotes", None) is None:
        return None
    found = reader.items("remotes", high=MAX_REMOTES)
    return tuple(
        _read_remote(value, path=f"{reader.at('remotes')}[{index}]", problems=reader.problems)
        for index, value in enumerate(found)
    )


def _read_remote(value: object, *, path: str, problems: Problems) -> Remote:
    if isinstance(value, str):
        value = {"raw": value, "url": value}
    reader = ObjectReader(value, path=path, problems=problems, is_private=True)
    remote = Remote(
        raw=reader.text("raw", max_length=MAX_SIGNAL_LENGTH),
        url=reader.text("url", max_length=MAX_SIGNAL_LENGTH),
    )
    reader.close()
    return remote


def _read_session(reader: ObjectReader) -> Session:
    found = reader.take("session", None)
    if found is None:
        return Session()
    if isinstance(found, str):
        found = {"id": found}
    inner = ObjectReader(found, path="session", problems=reader.problems)
    session = Session(
        id=inner.optional_text("id", max_length=100),
        floor=inner.optional_choice("floor", tuple(Effect)),
    )
    inner.close()
    return session


def _read_client(reader: ObjectReader) -> Client | None:
    found = reader.take("client", None)
    if found is None:
        return None
    if isinstance(found, str):
        found = {"name": found}
    inner = ObjectReader(found, path="client", problems=reader.problems)
    mode = inner.optional_choice("mode", tuple(ClientMode))
    client = Client(
        name=ClientName(inner.choice("name", tuple(ClientName))),
        version=inner.optional_text("version", max_length=60),
        mode=ClientMode(mode) if mode else None,
    )
    inner.close()
    return client


def project_document(project: Project) -> dict[str, object]:
    remotes = project.remotes
    return {
        "remotes": None if remotes is None else [{"raw": one.raw, "url": one.url} for one in remotes],
        "root_commits": _list(project.root_commits),
        "markers": _list(project.markers),
        "paths": _list(project.paths),
        "labels": _list(project.labels),
        "role": str(project.role),
        "complete": project.is_complete,
    }


def _loggable_project(project: Project) -> dict[str, object]:
    document = project_document(project)
    document["remotes"] = (
        None if project.remotes is None else [str(normalise_remote(remote.url)) for remote in project.remotes]
    )
    del document["paths"]
    document["paths_count"] = None if project.paths is None else len(project.paths)
    return document


def _client_document(client: Client | None) -> dict[str, object] | None:
    if client is None:
        return None
    return {"name": str(client.name), "version": client.version, "mode": str(client.mode) if client.mode else None}


def _list(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)
