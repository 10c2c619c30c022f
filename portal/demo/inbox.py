"""What the demo's developers asked the admins for, and what came of it. Each function stands at its own time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from portal.common import clock
from portal.demo.cast import PUBLISHED_PART
from portal.demo.work import Team
from routing.inbox import answer_with_exception, decline_request, make_request
from routing.inbox_models import PolicyRequest

type Document = dict[str, Any]

# Developers ask in the morning; an admin sees to it in the afternoon.
WAITED = timedelta(hours=5)


@dataclass(frozen=True)
class Wish:
    """The reason is what a person typed, in their own language alone."""

    kind: PolicyRequest.Kind
    mac: str
    remote: str
    reason: str


NEW_CLIENT = Wish(
    PolicyRequest.Kind.CLASSIFY,
    "suzuki-mbp14",
    "git@git.hokuto.example:app/chart-sync.git",
    "北斗メディカルの案件が始まります。NDAは先週締結済みです。",
)
RELEASE_WEEK = Wish(
    PolicyRequest.Kind.EXCEPTION,
    "takahashi-mbp16",
    "git@github.com:minato/dispatch.git",
    "リリース週だけクラウドを使いたいです。顧客の同意はメールで得ています。",
)
PUBLISHED = Wish(
    PolicyRequest.Kind.EXCEPTION,
    "mori-mbp14",
    PUBLISHED_PART.remote or "",
    "この部分は顧客がMITライセンスで公開しました。このMacではローカルモデルの文脈長が足りません。",
)
FORBIDDEN = Wish(
    PolicyRequest.Kind.EXCEPTION,
    "ito-mini",
    "https://git.kagari.example/firmware/boot",
    "コミットメッセージだけでも、ローカルモデルを使えないでしょうか。",
)
IOS = Wish(
    PolicyRequest.Kind.CLASSIFY,
    "takahashi-mbp16",
    "git@github.com:minato/dispatch-ios.git",
    "dispatch本体と同じ契約です。本体と同じ扱いにしてください。",
)
UNANSWERED = Wish(
    PolicyRequest.Kind.EXCEPTION,
    "nair-studio",
    "git@git.shinonome.example:ledger/core-ledger.git",
    "Shinonome asked us for an architecture review of the parser by Friday. They would sign off on the cloud for it.",
)


def ask(team: Team, wish: Wish, *, at: datetime | None = None) -> PolicyRequest:
    """As `kirikae request` does on that Mac."""
    document = {"kind": wish.kind, "reason": wish.reason, "projects": [{"remotes": [wish.remote]}]}
    with clock.standing_at(at or clock.now()):
        return make_request(document=document, machine=team.macs[wish.mac])


def permit_for_release_week(team: Team) -> None:
    """For a week and one Mac: it has ended by now."""
    exception = {
        "id": "minato-release-week",
        "rule": "internal-minato",
        "match": {"remotes": ["github.com/minato/dispatch"]},
        "machines": [team.macs[RELEASE_WEEK.mac].public_id],
        "reason": {"en": "The client agreed for the week of the release", "ja": "リリース週に限り顧客が同意"},
    }
    _permit(team, RELEASE_WEEK, exception, days=7)


def permit_published_part(team: Team) -> None:
    exception = {
        "id": "hokuto-fhir-client",
        "rule": "nda-hokuto",
        "match": {"remotes": ["git.hokuto.example/app/fhir-client"]},
        "machines": [],
        "reason": {"en": "Published by the client", "ja": "顧客が公開済み"},
    }
    _permit(team, PUBLISHED, exception, days=90)


def decline_forbidden(team: Team) -> None:
    made = ask(team, FORBIDDEN, at=clock.now() - WAITED)
    decline_request(public_id=made.public_id, by=team.people["tanaka"])


def _permit(team: Team, wish: Wish, exception: Document, *, days: int) -> None:
    made = ask(team, wish, at=clock.now() - WAITED)
    admin = team.people["tanaka"]
    last_day = (clock.now() + timedelta(days=days)).date()
    whole = {"effect": "cloud_ok", "owner": admin.name, "expires": last_day.isoformat(), **exception}
    answer_with_exception(public_id=made.public_id, exception=whole, by=admin)
