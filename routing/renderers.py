"""The answer for other programs than JSON readers: one line for `cut`, a function for `eval`."""

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer

from routing import shell


class LineRenderer(BaseRenderer):
    """`backend TAB model TAB base_url TAB decision-id`; a dash stands where the answer has no value.

    An empty field would vanish in `read`, which takes several tabs for one.
    """

    media_type = "text/plain"
    format = "line"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> str:
        model, runtime = data["model"] or {}, data["runtime"] or {}
        fields = (data["backend"], model.get("name"), runtime.get("base_url"), data["id"])
        return "\t".join(" ".join(str(field or "-").split()) for field in fields) + "\n"


class ShellRenderer(BaseRenderer):
    media_type = shell.CONTENT_TYPE
    format = "sh"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> str:
        response = (renderer_context or {})["response"]
        return shell.shell_answer(data, client=response.client)
