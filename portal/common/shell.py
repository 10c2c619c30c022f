"""What every page needs besides its own content: navigation, theme, languages."""

from dataclasses import dataclass

from django.db import models
from django.http import HttpRequest
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from portal.common.policy_head import get_head

THEME_COOKIE = "kirikae_theme"
# Each language by its own name, whatever language the page is in.
LANGUAGES = (("ja", "日本語"), ("en", "English"))

# The order matters: tokens.css fixes the order of the layers.
STYLE_SHEETS = tuple(
    f"css/{name}.css"
    for name in (
        "tokens",
        "base",
        "layout",
        "navigation",
        "controls",
        "answers",
        "data",
        "charts",
        "fit",
        "feedback",
        "sign-in",
        "utilities",
    )
)


class Theme(models.TextChoices):
    AUTO = "auto", _("Same as system")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")

    @property
    def icon(self) -> str:
        return {"auto": "auto", "light": "sun", "dark": "moon"}[self.value]


@dataclass(frozen=True)
class NavigationItem:
    path: str
    icon: str
    label: str | Promise
    is_for_owners: bool = False
    # Pages at other addresses that one comes to from this entry.
    more_paths: tuple[str, ...] = ()

    def is_current(self, path: str) -> bool:
        """Pages below an entry's address belong to it; home is only itself."""
        return path == self.path or (self.path != "/" and path.startswith((self.path, *self.more_paths)))


@dataclass(frozen=True)
class NavigationGroup:
    title: Promise
    items: tuple[NavigationItem, ...]


NAVIGATION = (
    NavigationGroup(
        _("Work"),
        (
            NavigationItem("/", "home", _("Home")),
            NavigationItem("/decisions/", "list", _("Decisions")),
            NavigationItem("/projects/", "folder", _("Projects")),
            NavigationItem("/requests/", "user", _("Requests")),
        ),
    ),
    NavigationGroup(
        _("Macs and models"),
        (
            NavigationItem("/machines/", "machines", _("Machines")),
            NavigationItem("/incidents/", "warn", _("Incidents")),
            NavigationItem("/catalogue/", "blocks", _("Models")),
            NavigationItem("/what-if", "sliders", _("What if")),
        ),
    ),
    NavigationGroup(
        _("Policy"),
        (
            NavigationItem("/rules/", "shield", _("NDA rules"), more_paths=("/exceptions/", "/guard/")),
            NavigationItem("/matrix/", "matrix", _("Task matrix")),
        ),
    ),
    NavigationGroup(
        _("Settings"),
        (
            NavigationItem("/notices/", "bell", _("Notices")),
            NavigationItem("/people", "user", _("People"), is_for_owners=True),
        ),
    ),
)


def shell(request: HttpRequest) -> dict[str, object]:
    """Context processor. One query, and only where the side column is shown."""
    head = getattr(request, "policy_head", None) or SimpleLazyObject(get_head)
    return {
        "shell": {
            "theme": read_theme(request),
            "themes": Theme,
            "languages": LANGUAGES,
            "style_sheets": STYLE_SHEETS,
            "head": head,
            "navigation": SimpleLazyObject(lambda: _list_groups(request)),
        }
    }


def read_theme(request: HttpRequest) -> Theme:
    found = request.COOKIES.get(THEME_COOKIE, "")
    return Theme(found) if found in Theme.values else Theme.AUTO


def _list_groups(request: HttpRequest) -> list[dict[str, object]]:
    is_owner = getattr(request.user, "is_owner", False)
    return [
        {
            "title": group.title,
            "links": [_link(item, request.path) for item in group.items if is_owner or not item.is_for_owners],
        }
        for group in NAVIGATION
    ]


def _link(item: NavigationItem, path: str) -> dict[str, object]:
    return {"url": item.path, "icon": item.icon, "label": item.label, "is_current": item.is_current(path)}
