"""Our clothes for Django's form fields; templates show them with `_components/field.html`."""

from typing import Any

from django import forms


class StyledFields(forms.BaseForm):
    """Mix in before a form class: every widget gets the class that the style sheet knows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if css_class := _css_class(field.widget):
                field.widget.attrs.setdefault("class", css_class)


def _css_class(widget: forms.Widget) -> str:
    if isinstance(widget, forms.CheckboxInput | forms.RadioSelect | forms.CheckboxSelectMultiple | forms.Textarea):
        return ""
    return "select" if isinstance(widget, forms.Select) else "input"
