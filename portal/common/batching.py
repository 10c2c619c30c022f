"""Doing together, for all who ask at the same time, what costs about as much for many as for one."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

# One batch holds up the next: more would make those wait who come just after.
MOST = 128
# More who wait at once are a crowd. A web process, which has four threads, never sees one.
FEW = 4


def _closed() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(eq=False, slots=True)
class _Asked[Question, Answer]:
    question: Question
    answer: Answer | None = None
    error: Exception | None = None
    is_done: bool = False
    # The cheapest thing that a thread can wait for. It opens when all is done, or when it is this one's turn.
    gate: threading.Lock = field(default_factory=_closed)


class Batcher[Question, Answer]:
    """Whoever comes first answers for all who wait by then; who comes meanwhile is the next batch, led by its first.

    `answer_all` gives as many answers as it gets questions, in their order, in one thread at a time. When it raises,
    each question of the batch is put to it once more alone, so that only those hear of it whose question it is.
    `before_crowd` is called before a batch of more than a few, while more may still join it; it does not raise.
    """

    def __init__(
        self,
        answer_all: Callable[[Sequence[Question]], Sequence[Answer]],
        *,
        before_crowd: Callable[[], None] = lambda: None,
    ) -> None:
        self._answer_all = answer_all
        self._before_crowd = before_crowd
        self._lock = threading.Lock()
        self._waiting: list[_Asked[Question, Answer]] = []
        self._is_led = False

    def ask(self, question: Question) -> Answer:
        """Waits for the answer. Raises what `answer_all` raises."""
        asked = _Asked[Question, Answer](question)
        with self._lock:
            self._waiting.append(asked)
            is_first, self._is_led = not self._is_led, True
        if not is_first:
            asked.gate.acquire()
        if not asked.is_done:
            self._lead()
        if asked.error:
            raise asked.error
        return asked.answer  # type: ignore[return-value]  # done: one of both is there

    def _lead(self) -> None:
        if len(self._waiting) > FEW:
            self._before_crowd()
        with self._lock:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        try:
            self._answer(batch)
        finally:
            with self._lock:
                self._is_led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].gate.release()

    def _answer(self, batch: Sequence[_Asked[Question, Answer]]) -> None:
        try:
            answers = self._answer_all([asked.question for asked in batch])
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked
            if len(batch) > 1:
                for asked in batch:
                    self._answer([asked])
                return
            batch[0].error = error
        else:
            for asked, answer in zip(batch, answers, strict=True):
                asked.answer = answer
        for asked in batch:
            asked.is_done = True
            asked.gate.release()
