"""`typing.NamedTuple` in a sixth of the time: what decides once makes a hundred such classes before it decides.

To a type checker it is the one of `typing`, and it behaves like it. What makes it quick: types of fields are not looked
at, what all classes have in common stands in one base, and constructors of as many fields are compiled once.
"""

__all__ = ["NamedTuple"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from collections import _tuplegetter
    from functools import cache
    from types import FunctionType

    class _Named(tuple):
        __slots__ = ()

        @classmethod
        def _make(cls, values):
            return cls(*values)

        def _replace(self, /, **changed):
            made = tuple.__new__(type(self), map(changed.pop, self._fields, self))
            if changed:
                raise TypeError(f"Got unexpected field names: {list(changed)!r}")
            return made

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self):
            values = ", ".join([f"{name}={value!r}" for name, value in self._asdict().items()])
            return f"{type(self).__name__}({values})"

        def __getnewargs__(self):
            return tuple(self)

    class _Maker(type):
        """Makes plain classes, none of its own kind: those are the quickest to call."""

        def __new__(cls, name, _bases, namespace):
            made = type(name, (_Named,), {"__slots__": (), **namespace})
            fields = made._fields = made.__match_args__ = tuple(made.__annotations__)
            made.__new__ = _constructor(fields, tuple([namespace[field] for field in fields if field in namespace]))
            for place, field in enumerate(fields):
                setattr(made, field, _tuplegetter(place, ""))
            return made

    def _constructor(fields, defaults):
        template = _template(len(fields))
        code = template.__code__.replace(co_varnames=("_cls", *fields), co_name="__new__")
        return FunctionType(code, template.__globals__, "__new__", defaults)

    @cache
    def _template(count):
        """A constructor of so many fields; their names are those of its variables, and so of its arguments."""
        values = "".join([f"_{place}, " for place in range(count)])
        code = f"lambda _cls, {values}: make(_cls, ({values}))"
        return eval(code, {"make": tuple.__new__})  # noqa: S307 - as the standard library does

    NamedTuple = type.__new__(_Maker, "NamedTuple", (), {})
