"""Guessing passwords is slow: failed sign-ins are counted per e-mail and address, and per address."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from portal.accounts.models import SignInFailure

WINDOW = timedelta(minutes=10)
# Counted together, so that nobody can lock another person out from elsewhere.
TRIES_PER_PAIR = 5
TRIES_PER_ADDRESS = 30


@dataclass(frozen=True)
class SignInTry:
    email: str
    address: str


def is_locked(attempt: SignInTry) -> bool:
    recent = SignInFailure.objects.filter(address=attempt.address, at__gt=timezone.now() - WINDOW)
    if recent.filter(email=attempt.email).count() >= TRIES_PER_PAIR:
        return True
    return recent.count() >= TRIES_PER_ADDRESS


def note_failure(attempt: SignInTry) -> None:
    now = timezone.now()
    SignInFailure.objects.filter(at__lte=now - WINDOW).delete()
    SignInFailure.objects.create(email=attempt.email, address=attempt.address, at=now)


def forget_failures(attempt: SignInTry) -> None:
    SignInFailure.objects.filter(email=attempt.email, address=attempt.address).delete()
