"""Notices in templates."""

from django import template

from portal.notices.models import Notice
from portal.notices.wording import title_of

register = template.Library()


@register.filter
def first_line(notice: Notice) -> str:
    """Its first line, in the language of whoever looks."""
    return title_of(notice)
