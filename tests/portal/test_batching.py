"""One answers for all: in batches, to each its own, and no error reaches anybody else."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from portal.common.batching import FEW, MOST, Batcher


class Doubler:
    """Works on its first batch until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.is_at_work, self.may_go_on = threading.Event(), threading.Event()

    def double(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.is_at_work.set()
        self.may_go_on.wait(10)
        if 13 in numbers:
            raise ValueError("13")
        return [2 * number for number in numbers]


@pytest.fixture
def doubler() -> Doubler:
    return Doubler()


@pytest.fixture
def batcher(doubler: Doubler) -> Batcher[int, int]:
    return Batcher(doubler.double)


def ask_together(batcher: Batcher[int, int], doubler: Doubler, numbers: Sequence[int]) -> list[int | str]:
    """The first makes a batch of its own; the others gather meanwhile."""

    def ask(number: int) -> int | str:
        try:
            return batcher.ask(number)
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(len(numbers)) as pool:
        first = pool.submit(ask, numbers[0])
        assert doubler.is_at_work.wait(10)
        others = [pool.submit(ask, number) for number in numbers[1:]]
        while len(batcher._waiting) < len(others) and not first.done():
            threading.Event().wait(0.001)
        doubler.may_go_on.set()
        return [one.result(10) for one in (first, *others)]


def test_who_comes_during_a_batch_is_answered_in_the_next(batcher: Batcher[int, int], doubler: Doubler) -> None:
    assert ask_together(batcher, doubler, range(8)) == [2 * number for number in range(8)]

    assert [sorted(numbers) for numbers in doubler.batches] == [[0], [1, 2, 3, 4, 5, 6, 7]]


def test_error_reaches_only_whose_question_it_is(batcher: Batcher[int, int], doubler: Doubler) -> None:
    assert ask_together(batcher, doubler, [1, 12, 13, 14]) == [2, 24, "13", 28]
    assert batcher.ask(5) == 10


def test_batch_is_bounded(batcher: Batcher[int, int], doubler: Doubler) -> None:
    ask_together(batcher, doubler, range(100, 100 + MOST + 21))

    assert [len(numbers) for numbers in doubler.batches] == [1, MOST, 20]


def test_after_a_batch_nobody_leads(batcher: Batcher[int, int], doubler: Doubler) -> None:
    doubler.may_go_on.set()

    assert [batcher.ask(number) for number in (1, 2)] == [2, 4]
    assert doubler.batches == [[1], [2]]


@pytest.mark.parametrize(("gathered", "pauses"), [(FEW, 0), (FEW + 1, 1)])
def test_only_before_a_crowd_others_are_let_in(doubler: Doubler, gathered: int, pauses: int) -> None:
    made: list[int] = []
    batcher = Batcher(doubler.double, before_crowd=lambda: made.append(1))

    ask_together(batcher, doubler, range(1 + gathered))

    assert [len(numbers) for numbers in doubler.batches] == [1, gathered]
    assert len(made) == pauses


def test_batches_never_overlap_and_mix_up_nobody() -> None:
    is_at_work = threading.Lock()

    def square(numbers: Sequence[int]) -> list[int]:
        assert is_at_work.acquire(blocking=False)
        answers = [number * number for number in numbers]
        is_at_work.release()
        return answers

    batcher = Batcher(square)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(batcher.ask, range(5000))) == [number * number for number in range(5000)]
