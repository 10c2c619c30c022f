"""Which message is new, and when two machines speak with one token."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from machines.health.boots import Boot, Reception, boots_document, boots_from_document, receive
from routing.engine.reading.messages import Origin

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
A, B, C, D = ("0123456789abcdef" * 2, "1" * 32, "2" * 32, "3" * 32)


def hear(*messages: tuple[str, int], every_s: float = 60) -> Reception:
    """The last reception of messages that come one after the other."""
    reception = Reception(is_new=False, boots=())
    for index, (boot_id, sequence) in enumerate(messages):
        at = NOW + timedelta(seconds=index * every_s)
        reception = receive(reception.boots, Origin(boot_id, sequence), at=at)
    return reception


def test_each_message_is_news_once() -> None:
    assert hear((A, 1)).is_new
    assert not hear((A, 1), (A, 1)).is_new
    assert not hear((A, 2), (A, 1)).is_new
    assert hear((A, 1), (A, 5)).is_new


def test_delayed_message_of_an_earlier_start_is_no_news() -> None:
    assert not hear((A, 7), (B, 1), (A, 6)).is_new


def test_message_without_origin_is_always_news_and_changes_nothing() -> None:
    known = hear((A, 1)).boots

    assert receive(known, None, at=NOW) == Reception(is_new=True, boots=known)


def test_two_services_that_take_turns_are_a_clone() -> None:
    turns = [(A, 1), (B, 1), (A, 2), (B, 2), (A, 3), (B, 3)]

    assert [hear(*turns[:count]).is_cloned for count in range(1, 7)] == [False] * 5 + [True]


def test_commands_beside_a_service_are_no_clone() -> None:
    assert not hear((A, 1), (B, 1), (A, 2), (C, 1), (A, 3), (D, 1), (A, 4), (B, 2), (A, 5)).is_cloned


def test_restarts_are_no_clone_however_often_they_come() -> None:
    restarts = [(f"{number:032x}", 1) for number in range(50)]

    assert not hear(*restarts).is_cloned
    assert len(hear(*restarts).boots) == 6


def test_turns_days_apart_are_no_clone() -> None:
    """A restored image of a disk may bring an old start back; two machines go on all the time."""
    turns = [(A, 1), (B, 1), (A, 2), (B, 2), (A, 3), (B, 3)]

    assert not hear(*turns, every_s=86_400).is_cloned


def test_starts_survive_being_stored() -> None:
    boots = hear((A, 1), (B, 1), (A, 2)).boots

    assert boots_from_document(boots_document(boots)) == boots
    assert boots[0] == Boot(id=A, sequence=2, at=NOW + timedelta(seconds=120), returns=1)


def test_any_order_of_one_starts_messages_ends_at_the_newest() -> None:
    for order in permutations([1, 2, 3, 4]):
        reception = hear(*((A, sequence) for sequence in order))

        assert reception.boots[0].sequence == 4
        assert not reception.is_cloned


@given(st.lists(st.tuples(st.sampled_from([A, B, C]), st.integers(1, 6)), max_size=30))
def test_news_is_what_is_above_the_highest_number_of_its_start(messages: list[tuple[str, int]]) -> None:
    highest: dict[str, int] = {}
    reception = Reception(is_new=False, boots=())
    for boot_id, sequence in messages:
        reception = receive(reception.boots, Origin(boot_id, sequence), at=NOW)

        assert reception.is_new == (sequence > highest.get(boot_id, 0))
        highest[boot_id] = max(sequence, highest.get(boot_id, 0))
        assert {boot.id: boot.sequence for boot in reception.boots} == highest


def test_heartbeats_that_were_written_late_make_a_service_that_crashes_no_clone() -> None:
    boots: tuple[Boot, ...] = ()
    for number, boot_id in enumerate((A, B, C, D)):
        started_at = NOW + number * timedelta(seconds=60)
        boots = receive(boots, Origin(boot_id, 1), at=started_at).boots
        if number:
            before = (A, B, C, D)[number - 1]
            reception = receive(boots, Origin(before, 2), at=started_at - timedelta(seconds=5))
            assert (reception.is_new, reception.is_cloned) == (True, False)
            boots = reception.boots

    assert [boot.returns for boot in boots] == [0] * 4
    assert boots[0].id == D
