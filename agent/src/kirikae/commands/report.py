"""`kirikae report`: collects the facts of this machine and sends them, or prints them with `--show`."""

from __future__ import annotations

import json

from kirikae.arguments import Arguments
from kirikae.collect.full_report import collect_full_report
from kirikae.collect.report import LAST_REPORT
from kirikae.home import Home
from kirikae.portal.benchmarks import send_benchmarks
from kirikae.portal.client import PortalClient
from kirikae.receipts.spool import send_receipts
from kirikae.texts import say


def execute(arguments: Arguments, home: Home) -> int:
    if arguments.show:
        print(json.dumps(collect_full_report(home), ensure_ascii=False, indent=2))
        return 0
    send_report(home)
    return 0


def send_report(home: Home) -> dict[str, object]:
    """Keeps the report as well: `ask` and `run` take from it what does not change."""
    with PortalClient.of_this_machine(home) as client:
        report = collect_full_report(home)
        client.post("/api/v1/reports", report)
        home.keep_json(LAST_REPORT, report)
        runtimes = report["runtimes"]
        if isinstance(runtimes, list):
            print(
                say("report.sent", runtimes=len(runtimes), models=sum(len(runtime["models"]) for runtime in runtimes))
            )
        _send_spool(home, client)
    return report


def _send_spool(home: Home, client: PortalClient) -> None:
    send_benchmarks(home, client)
    count = send_receipts(home, client)
    if count:
        print(say("sync.receipts", count=count))
