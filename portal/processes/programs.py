"""What the portal's processes run, in one place: `python -m portal.processes.programs web|intake|worker|beat …`.

`manage.py serve` becomes this program after its checks, and embedded mode runs the same functions in its children.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from portal.terminal import gettext as _

# A killed web worker is back after this; granian's default is 3.5.
RESPAWN_AFTER_S = 0.5
ALIVE_EVERY_S = 10.0
# So many heartbeats are answered in one round: as many connections as the proxy opens.
INTAKE_THREADS = 64


@dataclass(frozen=True)
class Worker:
    """`schedule` is for embedded mode, which has exactly one worker: it then is the scheduler as well."""

    queues: str = ""
    concurrency: int = 4
    schedule: Path | None = None
    alive_file: Path | None = None


def run_web(
    host: str, port: int, *, processes: int = 1, threads: int = 4, application: str = "portal.wsgi:application"
) -> None:
    from granian import Granian  # noqa: PLC0415 - each process loads only what it runs
    from granian.constants import Interfaces  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

    Granian(
        application,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=processes,
        blocking_threads=threads,
        websockets=False,
        log_level=LogLevels.warning,
        # Alone, a worker that ends takes its master along, and the supervisor starts both anew.
        respawn_failed_workers=processes > 1,
        respawn_interval=RESPAWN_AFTER_S,
    ).serve()


def run_intake(host: str, port: int, *, processes: int) -> None:
    """A web server for what agents send by themselves: when all come at once, people and decisions go first."""
    run_web(host, port, processes=processes, threads=INTAKE_THREADS, application="portal.intake:application")


def run_worker(worker: Worker) -> None:
    from portal.celery import app, schedule_in_worker, stand_back_when_set_up, touch_while_alive  # noqa: PLC0415

    if worker.schedule:
        # It does not stand back: on SQLite whoever writes makes all others wait.
        schedule_in_worker(worker.schedule)
    else:
        stand_back_when_set_up()
    if worker.alive_file:
        touch_while_alive(worker.alive_file, every_s=ALIVE_EVERY_S)
    # Threads: on macOS a forked worker crashes, and the work waits for databases and machines, not for a core.
    options = ["-P", "threads", "-c", str(worker.concurrency), "--loglevel", "WARNING"]
    if worker.queues:
        options += ["-Q", worker.queues]
    # Several workers on one host need names of their own.
    options += ["-n", f"kirikae-{os.getpid()}@%h"]
    app.worker_main(["worker", *options, "--without-gossip", "--without-mingle", "--without-heartbeat"])


def run_beat(schedule: Path, *, alive_file: Path | None) -> None:
    from portal.celery import app, touch_with_each_message  # noqa: PLC0415

    if alive_file:
        touch_with_each_message(alive_file)
    app.start(["beat", "-s", str(schedule), "--pidfile=", "--loglevel", "WARNING"])


def parser() -> argparse.ArgumentParser:
    """Also the options of `manage.py serve`."""
    parser = argparse.ArgumentParser(prog="python -m portal.processes.programs")
    add_programs(parser)
    return parser


def add_programs(parser: argparse.ArgumentParser) -> None:
    programs = parser.add_subparsers(dest="program", required=True, parser_class=argparse.ArgumentParser)
    servers = (("web", _("the web server"), 8000, 2), ("intake", _("takes heartbeats and reports of agents"), 8001, 1))
    for name, told, port, processes in servers:
        server = programs.add_parser(name, help=told)
        server.add_argument("--host", default="127.0.0.1", help=_("address to listen on (default: 127.0.0.1)"))
        listened = _("port to listen on (default: %(port)d)") % {"port": port}
        server.add_argument("--port", type=int, default=port, help=listened)
        many = _("processes behind the port (default: %(count)d)") % {"count": processes}
        server.add_argument("--processes", type=int, default=processes, help=many)
    worker = programs.add_parser("worker", help=_("does scheduled work"))
    worker.add_argument("--queues", default="", help=_("only these queues, with commas between (default: all)"))
    worker.add_argument("--concurrency", type=int, default=4, help=_("tasks at a time (default: 4)"))
    worker.add_argument("--alive-file", type=Path, help=_("a file to touch while all is well"))
    beat = programs.add_parser("beat", help=_("sends scheduled work to the workers"))
    beat.add_argument("--schedule", type=Path, required=True, help=_("file that remembers what was sent"))
    beat.add_argument("--alive-file", type=Path, help=_("a file to touch while all is well"))


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    if options.program == "web":
        run_web(options.host, options.port, processes=options.processes)
    elif options.program == "intake":
        run_intake(options.host, options.port, processes=options.processes)
    elif options.program == "worker":
        run_worker(Worker(queues=options.queues, concurrency=options.concurrency, alive_file=options.alive_file))
    else:
        run_beat(options.schedule, alive_file=options.alive_file)


if __name__ == "__main__":
    main()
