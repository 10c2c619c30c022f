"""Who may open a page. Refusals are told in words by the 403 page."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from portal.accounts.models import User


def get_person(request: HttpRequest) -> User:
    """The signed-in user. Behind LoginRequiredMiddleware there always is one; elsewhere this refuses."""
    if isinstance(request.user, User):
        return request.user
    raise PermissionDenied(_("Sign in first."))


def admin_required[**P](
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """For page views that change policy or other people's machines: owners and policy admins only."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        require_admin(get_person(request))
        return view(request, *args, **kwargs)

    return guarded


def owner_required[**P](
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """For page views that give roles: whoever may give a role could give it to themselves."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        require_owner(get_person(request))
        return view(request, *args, **kwargs)

    return guarded


def lock_account(person: User) -> None:
    """Before somebody is given what closing their account takes away: else it would be left over.

    Closing then waits for the end of the transaction. Raises PermissionDenied when the account is closed.
    """
    if User.objects.find_open(person.pk) is None:
        raise PermissionDenied(_("Sign in first."))


def require_owner(person: User | None) -> None:
    if person is None or not person.is_owner:
        raise PermissionDenied(_("Only an owner may do this. Ask an owner to do it for you."))


def require_admin(person: User) -> None:
    if not person.is_admin:
        raise PermissionDenied(_("Only an owner or a policy admin may do this. Ask one of them to do it for you."))
