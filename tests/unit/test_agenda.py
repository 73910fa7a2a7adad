"""The agenda gives what sorting by time would."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.orders import NOON
from twap.entrypoints.execution.agenda import Agenda


def at(seconds):
    return NOON + timedelta(seconds=seconds)


@given(
    puts=st.lists(st.tuples(st.integers(0, 5), st.text(max_size=2)), max_size=30), until=st.integers(-1, 6)
)
def test_agenda_when_popped_then_by_time_and_then_as_they_were_put(puts, until):
    agenda = Agenda()
    for seconds, key in puts:
        agenda.put(at(seconds), key)
    popped = []
    while (entry := agenda.pop(at(until))) is not None:
        popped.append(entry)
    ordered = sorted(puts, key=lambda put: put[0])  # stable
    assert popped == [(at(seconds), key) for seconds, key in ordered if seconds <= until]
    later = [seconds for seconds, _ in ordered if seconds > until]
    assert agenda.next_time == (at(later[0]) if later else None)


def test_agenda_when_a_time_comes_again_after_it_was_worked_off_then_it_is_there_again():
    agenda = Agenda()
    agenda.put(at(1), "a")
    assert agenda.pop(at(1)) == (at(1), "a")
    assert agenda.pop(at(1)) is None
    agenda.put(at(1), "b")
    assert agenda.pop(at(2)) == (at(1), "b")
