"""Reads of single revisions, and of all of them for programs. The newest ones of the page are in `rules`."""

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from routing.models import PolicyRevision
from routing.policy_changes import PolicyChanges, describe_changes


def list_revisions() -> QuerySet[PolicyRevision]:
    """Newest first, without their documents: a page of those would be megabytes."""
    return PolicyRevision.objects.select_related("by").defer("document")


def get_revision(number: int) -> PolicyRevision:
    """Raises Http404."""
    return get_object_or_404(PolicyRevision.objects.select_related("by"), number=number)


def changes_of(revision: PolicyRevision) -> PolicyChanges:
    """Of the one before. One query."""
    before = PolicyRevision.objects.filter(number=revision.number - 1).first()
    return describe_changes(before.parsed if before else {}, revision.parsed)
