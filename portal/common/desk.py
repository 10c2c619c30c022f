"""Doing together, for all who ask at the same time, what costs about as much for many as for one."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

# One round holds up the next: more would make those wait who come just after.
MOST = 128


def _closed() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(eq=False, slots=True)
class _Asked[Question, Answer]:
    question: Question
    answer: Answer | None = None
    error: Exception | None = None
    # The cheapest thing that a thread can wait for; whoever answers opens it.
    gate: threading.Lock = field(default_factory=_closed)


class Desk[Question, Answer]:
    """One thread answers everybody. While it is at work, questions gather, and they are its next round.

    `answer_all` gives as many answers as it gets questions, in their order. When it raises, each question of the round
    is put to it once more alone, so that only those hear of the error whose question it is.
    """

    def __init__(
        self,
        answer_all: Callable[[Sequence[Question]], Sequence[Answer]],
        *,
        at_end: Callable[[], object] = lambda: None,
    ) -> None:
        self._answer_all, self._at_end = answer_all, at_end
        self._asked: SimpleQueue[_Asked[Question, Answer] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()

    def ask(self, question: Question) -> Answer:
        """Waits for the answer. Raises what `answer_all` raises."""
        if self._thread is None:
            # Not earlier: servers fork, and threads stay behind.
            self._begin()
        asked = _Asked[Question, Answer](question)
        self._asked.put(asked)
        asked.gate.acquire()
        if asked.error:
            raise asked.error
        return asked.answer  # type: ignore[return-value]  # the gate opens after one of both is there

    def end(self) -> None:
        """Returns when everything asked before is answered and `at_end` was called in the thread."""
        with self._start:
            if self._thread:
                self._asked.put(None)
                self._thread.join()
                self._thread = None

    def _begin(self) -> None:
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="desk", daemon=True)
                self._thread.start()

    def _serve(self) -> None:
        is_over = False
        while not is_over:
            round_ = [self._asked.get()]
            while len(round_) < MOST:
                try:
                    round_.append(self._asked.get_nowait())
                except Empty:
                    break
            is_over = None in round_
            self._answer([asked for asked in round_ if asked])
        self._at_end()

    def _answer(self, round_: Sequence[_Asked[Question, Answer]]) -> None:
        try:
            answers = self._answer_all([asked.question for asked in round_]) if round_ else ()
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked
            if len(round_) > 1:
                for asked in round_:
                    self._answer([asked])
                return
            round_[0].error = error
        else:
            for asked, answer in zip(round_, answers, strict=True):
                asked.answer = answer
        for asked in round_:
            asked.gate.release()
