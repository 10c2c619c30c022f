"""Query parameters of the API's reads: strict, as bodies are. What they mean is the view's business."""

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from portal.common.problems import Problem

MAX_PAGE = 200
PAGE = 100
# Nothing happened outside of these, and databases take no time at the ends of the calendar in every zone.
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


class MomentField(serializers.DateTimeField):
    """A time of ISO 8601; without a zone it is UTC."""

    def to_internal_value(self, value: Any) -> datetime:
        moment: datetime = super().to_internal_value(value)
        if not FIRST <= moment <= LAST:
            raise serializers.ValidationError(f"Allowed: a time between {FIRST:%Y} and {LAST:%Y}.")
        return moment


class OneOf(serializers.ChoiceField):
    """Its error names the choices."""

    def to_internal_value(self, data: Any) -> str:
        if data not in self.choices:
            raise serializers.ValidationError(f"Found '{str(data)[:60]}'; allowed: {', '.join(self.choices)}.")
        return str(data)


class NoParameters(serializers.Serializer[object]):
    pass


class PageParameters(serializers.Serializer[object]):
    limit = serializers.IntegerField(default=PAGE, min_value=1, max_value=MAX_PAGE)
    cursor = serializers.CharField(required=False, max_length=8192, help_text="As `next` of the page before has it.")


def read_query(shape: type[serializers.Serializer[object]], request: Request) -> dict[str, Any]:
    """The parameters. Raises Problem 400 for the first that is wrong, given twice or not known."""
    # A plain dictionary: of a QueryDict an empty value counts as not given, and `since=$UNSET` would show everything.
    reader = shape(data=request.query_params.dict())
    for name in request.query_params:
        if name not in reader.fields:
            known = f"known: {', '.join(reader.fields)}" if reader.fields else "none is known here"
            raise Problem(400, "field.unknown", f"There is no parameter '{name[:60]}'; {known}.", name[:60])
        if (count := len(request.query_params.getlist(name))) > 1:
            raise Problem(400, "field.repeated", f"Give '{name}' once; {count} were found.", name)
    reader.is_valid(raise_exception=True)
    return dict(reader.validated_data)
