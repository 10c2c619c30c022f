"""The engine's own `NamedTuple` behaves as the one of `typing`, which a type checker takes it for."""

import copy
import pickle
import typing
from collections.abc import Callable

import pytest

from routing.engine import named_tuple


class Ours(named_tuple.NamedTuple):
    """As written."""

    name: str
    size: int | None = None
    later: "Ours | None" = None

    @property
    def is_sized(self) -> bool:
        return self.size is not None


class Theirs(typing.NamedTuple):
    """As written."""

    name: str
    size: int | None = None
    later: "Theirs | None" = None

    @property
    def is_sized(self) -> bool:
        return self.size is not None


USES: dict[str, Callable[[typing.Any], object]] = {
    "fields": lambda kind: (kind._fields, kind.__match_args__, list(kind.__annotations__)),
    "names": lambda kind: (kind.__doc__, kind.__module__, kind.__mro__[-2:]),
    "defaults": lambda kind: tuple(kind("a")),
    "places and names": lambda kind: tuple(kind("a", later=None, size=2)),
    "values": lambda kind: (kind("a", 2).name, kind("a", 2).size, kind("a", 2)[1], kind("a", 2).is_sized),
    "equality": lambda kind: (kind("a") == ("a", None, None), hash(kind("a")) == hash(("a", None, None))),
    "made of a list": lambda kind: tuple(kind._make(["a", 1, None])),
    "replaced": lambda kind: (type(kind("a")._replace(size=3)) is kind, tuple(kind("a")._replace(size=3))),
    "as a mapping": lambda kind: kind("a", 2)._asdict(),
    "shown": lambda kind: repr(kind("a", 2)).partition("(")[1:],
    "copied": lambda kind: (copy.deepcopy(kind("a")) == kind("a"), type(copy.copy(kind("a"))) is kind),
    "pickled": lambda kind: type(pickle.loads(pickle.dumps(kind("a", 2)))) is kind,  # noqa: S301 - our own
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_value_is_made_and_used_in_the_same_way(use: Callable[[typing.Any], object]) -> None:
    assert use(Ours) == use(Theirs)


@pytest.mark.parametrize(
    "misuse",
    [
        lambda kind: kind(),
        lambda kind: kind("a", 1, None, 2),
        lambda kind: kind("a", weight=1),
        lambda kind: kind("a")._replace(weight=1),
        lambda kind: kind._make(["a", 1, None, 2]),
    ],
)
def test_what_does_not_fit_is_refused(misuse: Callable[[typing.Any], object]) -> None:
    for kind in (Ours, Theirs):
        with pytest.raises((TypeError, ValueError)):
            misuse(kind)


@pytest.mark.parametrize("name", ["size", "other"])
def test_a_value_cannot_be_changed(name: str) -> None:
    for kind in (Ours, Theirs):
        with pytest.raises(AttributeError):
            setattr(kind("a"), name, 1)


def test_it_can_be_taken_apart_by_its_shape() -> None:
    match Ours("a", 2):
        case Ours(name, size):
            assert (name, size) == ("a", 2)
        case _:
            pytest.fail("no match")
