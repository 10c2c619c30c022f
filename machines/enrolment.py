"""Services by which machines come in: by a code that a person approves, or by a counted join key."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from machines.models import CodeTries, Enrolment, EnrolmentState, JoinKey, Machine
from portal.accounts.access import lock_account
from portal.accounts.models import Scope, TokenKind, User
from portal.accounts.tokens import IssuedToken, digest_of, issue_token, verify_token
from portal.audit.services import record
from portal.common import clock
from portal.common.ids import ALPHABET
from portal.common.problems import Problem

CODE_LIFETIME = timedelta(minutes=10)
CODE_LENGTH = 8
WRONG_CODES = 5
POLL_INTERVAL_S = 2
# Anybody on the network may start an enrolment, so each address and the whole portal have a limit.
ENROLMENTS_PER_ADDRESS = 10
ENROLMENTS_WAITING = 500
# Extended with each report; a machine that was silent this long enrols again.
MACHINE_TOKEN_LIFETIME = timedelta(days=90)


class CodeRefusal(StrEnum):
    WRONG = "wrong"
    LOCKED = "locked"


class CodeRefusedError(Exception):
    def __init__(self, reason: CodeRefusal) -> None:
        super().__init__(reason)
        self.reason = reason


class EnrolmentOverError(Exception):
    """Somebody else decided first, or the ten minutes are over."""


@dataclass(frozen=True)
class Applicant:
    """What a machine says of itself before anybody has approved it."""

    name: str
    agent_version: str | None
    hardware: dict[str, object]


@dataclass(frozen=True)
class StartedEnrolment:
    row: Enrolment
    code: str
    poll_token: str


@dataclass(frozen=True)
class PollAnswer:
    state: str
    machine: Machine | None = None
    token: str | None = None


@transaction.atomic
def start_enrolment(*, applicant: Applicant, address: str) -> StartedEnrolment:
    """Raises Problem 429 when the address, or everybody together, has too many waiting."""
    now = clock.now()
    _limit_enrolments(address, now)
    code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)).upper()
    poll_token = secrets.token_urlsafe(32)
    row = Enrolment.objects.create(
        code_digest=_digest(code),
        poll_digest=_digest(poll_token),
        name=applicant.name,
        agent_version=applicant.agent_version,
        hardware=applicant.hardware,
        address=address,
        created_at=now,
        expires_at=now + CODE_LIFETIME,
    )
    return StartedEnrolment(row=row, code=f"{code[:4]}-{code[4:]}", poll_token=poll_token)


def look_up_code(*, code: str, by: User) -> Enrolment:
    """The waiting enrolment behind a typed code. Each wrong code is counted.

    Raises CodeRefusedError; after five wrong codes within ten minutes right ones are refused too.
    """
    now = clock.now()
    _spend_try(by, now)
    row = Enrolment.objects.filter(
        code_digest=_digest(_normalise(code)), state=EnrolmentState.PENDING, expires_at__gt=now
    ).first()
    if row is None:
        raise CodeRefusedError(CodeRefusal.WRONG)
    # Only this try is given back: a code of one's own must not buy five more guesses at those of others.
    CodeTries.objects.filter(user=by, wrong__gt=0).update(wrong=F("wrong") - 1)
    return row


@transaction.atomic
def approve_enrolment(*, enrolment: Enrolment, by: User) -> Machine:
    """The machine now belongs to who approved it; its token is made when it asks.

    Raises EnrolmentOverError, and PermissionDenied when their account was just closed.
    """
    lock_account(by)
    now = clock.now()
    machine = _create_machine(_applicant_of(enrolment), owner=by, now=now)
    # The machine gets another ten minutes to fetch its token.
    _decide(enrolment, by=by, state=EnrolmentState.APPROVED, machine=machine, now=now, expires_at=now + CODE_LIFETIME)
    record(by=by, action="machine.approved", subject=machine, data={"name": machine.name, "address": enrolment.address})
    return machine


@transaction.atomic
def deny_enrolment(*, enrolment: Enrolment, by: User) -> None:
    """Raises EnrolmentOverError."""
    _decide(enrolment, by=by, state=EnrolmentState.DENIED, now=clock.now())
    record(by=by, action="enrolment.denied", subject=enrolment, data={"name": enrolment.name})


@transaction.atomic
def poll_enrolment(*, poll_token: str) -> PollAnswer:
    """What became of it. The first poll after the approval gets the token, and no other does."""
    now = clock.now()
    row = Enrolment.objects.select_related("machine").filter(poll_digest=_digest(poll_token)).first()
    if row is None:
        raise Problem(404, "enrolment.unknown", "No such enrolment. Start again with 'kirikae enrol'.", "poll_token")
    if row.state == EnrolmentState.DENIED:
        return PollAnswer(state="denied")
    if now >= row.expires_at:
        return PollAnswer(state="expired")
    if row.machine is None:
        return PollAnswer(state="pending")
    # Of two polls at once one changes the row and gets the token.
    if row.machine.is_retired or not Enrolment.objects.filter(pk=row.pk, handed_out_at=None).update(handed_out_at=now):
        return PollAnswer(state="expired")
    issued = _give_token(row.machine, now=now)
    return PollAnswer(state="approved", machine=row.machine, token=issued.text)


@transaction.atomic
def enrol_by_join_key(*, join_key: str, applicant: Applicant) -> tuple[Machine, str]:
    """The machine, usable at once and without an owner, and its token. Raises Problem 403."""
    now = clock.now()
    key = _use_join_key(join_key)
    machine = _create_machine(applicant, owner=None, now=now)
    issued = _give_token(machine, now=now)
    record(
        by=None,
        actor=f"join key {key.token.public_id}",
        action="machine.joined",
        subject=machine,
        data={"name": machine.name},
    )
    return machine, issued.text


@transaction.atomic
def create_join_key(*, uses: int, lifetime: timedelta, by: User | None, actor: str = "") -> IssuedToken:
    issued = issue_token(
        kind=TokenKind.JOIN_KEY,
        scope=Scope.JOIN,
        name="join key",
        expires_at=clock.now() + lifetime,
        created_by=by,
    )
    JoinKey.objects.create(token=issued.row, uses_allowed=uses)
    hours = lifetime.total_seconds() / 3600
    record(by=by, actor=actor, action="join_key.made", subject=issued.row, data={"uses": uses, "hours": hours})
    return issued


def forget_old_enrolments(*, now: datetime) -> int:
    """Drop what was never approved, a day after it ended; approvals are told by the audit log."""
    old = Enrolment.objects.filter(expires_at__lt=now - timedelta(days=1), machine=None)
    return old.delete()[0]


def _digest(secret: str) -> str:
    # Codes and poll tokens live for minutes, so they need no list of older peppers.
    return digest_of(secret, pepper=settings.TOKEN_PEPPERS[0])


def _normalise(code: str) -> str:
    """As Crockford reads them: case, hyphens and spaces do not matter; I and L are 1, O is 0."""
    return code.upper().replace("-", "").replace(" ", "").translate(str.maketrans("ILO", "110"))


def _limit_enrolments(address: str, now: datetime) -> None:
    recent = Enrolment.objects.filter(created_at__gt=now - CODE_LIFETIME)
    waiting = recent.filter(state=EnrolmentState.PENDING)
    if recent.filter(address=address).count() < ENROLMENTS_PER_ADDRESS and waiting.count() < ENROLMENTS_WAITING:
        return
    wait_s = int(CODE_LIFETIME.total_seconds())
    raise Problem(
        429,
        "enrolment.too_many",
        f"Too many enrolments were started. Wait {wait_s // 60} minutes, or use a join key.",
        headers={"Retry-After": str(wait_s)},
    )


@transaction.atomic
def _spend_try(by: User, now: datetime) -> None:
    """Counted before the code is looked at, so that many tries at once are not more tries."""
    CodeTries.objects.get_or_create(user=by, defaults={"since": now})
    CodeTries.objects.filter(user=by, since__lte=now - CODE_LIFETIME).update(wrong=0, since=now)
    if not CodeTries.objects.filter(user=by, wrong__lt=WRONG_CODES).update(wrong=F("wrong") + 1):
        raise CodeRefusedError(CodeRefusal.LOCKED)


def _decide(enrolment: Enrolment, *, by: User, state: EnrolmentState, now: datetime, **more: object) -> None:
    waiting = Enrolment.objects.filter(pk=enrolment.pk, state=EnrolmentState.PENDING, expires_at__gt=now)
    if not waiting.update(state=state, decided_by=by, **more):
        raise EnrolmentOverError


def _applicant_of(enrolment: Enrolment) -> Applicant:
    return Applicant(name=enrolment.name, agent_version=enrolment.agent_version, hardware=enrolment.hardware)


def _create_machine(applicant: Applicant, *, owner: User | None, now: datetime) -> Machine:
    """A name that is taken gets a suffix. The constraint decides: a look before would race."""
    suffixes = ["", *(f"-{number}" for number in range(2, 10)), f"-{secrets.token_hex(4)}"]
    for suffix in suffixes:
        try:
            with transaction.atomic():
                return Machine.objects.create(
                    name=f"{applicant.name[: 80 - len(suffix)]}{suffix}",
                    owner=owner,
                    agent_version=applicant.agent_version,
                    state_since=now,
                    created_at=now,
                    **applicant.hardware,
                )
        except IntegrityError:
            continue
    raise Problem(409, "machine.name_taken", f"Too many machines are called '{applicant.name}'. Choose a --name.")


def _give_token(machine: Machine, *, now: datetime) -> IssuedToken:
    issued = issue_token(
        kind=TokenKind.MACHINE,
        scope=Scope.MACHINE,
        name=machine.name,
        expires_at=now + MACHINE_TOKEN_LIFETIME,
        created_by=machine.owner,
    )
    machine.token = issued.row
    machine.save(update_fields=["token"])
    return issued


def _use_join_key(text: str) -> JoinKey:
    refusal = Problem(
        403,
        "enrolment.join_key_invalid",
        "This join key is unknown, expired or used up. Ask an admin for a new one.",
        "join_key",
    )
    try:
        token = verify_token(text, kinds=frozenset({TokenKind.JOIN_KEY}))
    except Problem as problem:
        raise refusal from problem
    unused = JoinKey.objects.filter(token=token, uses_made__lt=F("uses_allowed"))
    if not unused.update(uses_made=F("uses_made") + 1):
        raise refusal
    return JoinKey.objects.select_related("token").get(token=token)
