"""`manage.py up`: the whole portal in one command, without any other service."""

import os
import threading
import urllib.error
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from portal.common.operator_commands import TerminalCommand
from portal.demo.services import DemoRefusedError, ensure_demo
from portal.embedded.checks import StartRefused, check_data_folder, check_port, lock_data_folder
from portal.embedded.supervisor import Child, Event, Supervisor, Wish, stop_on_signals
from portal.processes.preparing import prepare
from portal.processes.reachable import check_services
from portal.setup.services import issue_setup_token, needs_setup

READY_WITHIN_S = 60.0
ASK_EVERY_S = 0.05


class Command(TerminalCommand):
    help = gettext_noop("Start the portal: web server and worker, on SQLite, in one data folder.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help=_("address to listen on (default: 127.0.0.1)"))
        port = 8000
        listened = _("port to listen on (default: %(port)d)") % {"port": port}
        parser.add_argument("--port", type=int, default=port, help=listened)
        parser.add_argument("--data-dir", help=_("where everything is kept (default: KIRIKAE_DATA_DIR or var/)"))
        parser.add_argument("--demo", action="store_true", help=_("fill an empty portal with an invented team"))
        parser.add_argument("--reload", action="store_true", help=_("restart when a file of the portal changes"))

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)
        host, port = options["host"], options["port"]
        try:
            check_data_folder(settings.DATA_DIR)
            check_port(host, port)
            lock = lock_data_folder(settings.DATA_DIR)
            with lock:
                check_services()
                prepare()
                lines = ensure_demo() if options["demo"] else []
                connections.close_all()
                self._serve(host, port, lines=lines, reload=options["reload"])
        except (StartRefused, DemoRefusedError) as refused:
            raise CommandError(str(refused)) from refused

    def _serve(self, host: str, port: int, *, lines: list[str], reload: bool) -> None:
        events: SimpleQueue[Event] = SimpleQueue()
        stop_on_signals(events)
        children = [
            Child("web", [host, str(port)], settings.DATA_DIR / "logs" / "web.log", events),
            Child(
                "worker", [str(settings.DATA_DIR / "beat-schedule")], settings.DATA_DIR / "logs" / "worker.log", events
            ),
        ]
        has_ended = threading.Event()
        # Django keeps the language of each thread apart.
        announce = translation.override(translation.get_language())(self._announce)
        threading.Thread(target=announce, args=(host, port, lines, has_ended), daemon=True).start()
        if reload:
            threading.Thread(target=watch_files, args=(events, has_ended), daemon=True).start()
        refusal = Supervisor(children, events).run()
        has_ended.set()
        if refusal:
            raise CommandError(refusal)

    def _announce(self, host: str, port: int, more: list[str], has_ended: threading.Event) -> None:
        """Prints the ready line, and what else there is to tell, once the web server really answers."""
        local = local_address(host, port)
        for _turn in range(int(READY_WITHIN_S / ASK_EVERY_S)):
            if answers(f"{local}/healthz"):
                break
            if has_ended.wait(ASK_EVERY_S):
                return
        else:
            told = _("The web server does not answer on %(address)s. Read %(log)s.")
            self.stderr.write(told % {"address": local, "log": settings.DATA_DIR / "logs" / "web.log"})
            return
        shown = settings.BASE_URL or local
        lines = [_("Kirikae is ready: %(address)s") % {"address": shown}, *more]
        if needs_setup():
            address = f"{shown}/setup/{issue_setup_token()}"
            lines.append(_("Set up: %(address)s (once, 1 h)") % {"address": address})
        connections.close_all()
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def local_address(host: str, port: int) -> str:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def answers(url: str) -> bool:
    # Proxies of the environment do not lead to ourselves.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def watch_files(events: "SimpleQueue[Event]", has_ended: threading.Event) -> None:
    from watchfiles import PythonFilter, watch  # noqa: PLC0415 - only for --reload

    folders = [Path(settings.BASE_DIR, name) for name in ("portal", "machines", "routing", "templates")]
    for _changes in watch(
        *folders,
        watch_filter=PythonFilter(extra_extensions=(".html", ".css", ".js", ".json", ".mo")),
        stop_event=has_ended,
    ):
        call_command("collectstatic", verbosity=0, interactive=False)
        events.put(Wish.RELOAD)
