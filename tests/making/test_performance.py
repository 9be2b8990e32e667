import numpy as np
import pretty_midi
import pytest

from tfaudiogan.making.performance import LEAD_S, Performance, Voice


def performance(notes, controls=(), bends=()):
    """Notes as (pitch, start, end), controls as (number, value, time), bends as (pitch, time)."""
    made = pretty_midi.Instrument(7)
    made.notes = [pretty_midi.Note(80, *note) for note in notes]
    made.control_changes = [pretty_midi.ControlChange(*control) for control in controls]
    made.pitch_bends = [pretty_midi.PitchBend(*bend) for bend in bends]
    return Performance((Voice.of(made),), max(note[2] for note in notes))


def notes(instrument):
    return [(note.pitch, round(note.start, 6), round(note.end, 6)) for note in instrument.notes]


def test_notes_around_the_excerpt_move_to_its_time():
    played = performance([(60, 0.0, 1.0), (61, 9.0, 9.5), (62, 11.0, 13.0), (63, 14.0, 15.0)])
    (cut,) = played.cut(10.0, 3.0)
    assert notes(cut) == [(61, 1.0, 1.5), (62, 3.0, 5.0)]
    assert LEAD_S == 2.0


def test_a_key_pressed_before_the_lead_is_included():
    played = performance([(60, 7.0, 12.0), (61, 7.0, 7.5), (62, 1.0, 12.0)])
    (cut,) = played.cut(10.0, 3.0)
    assert notes(cut) == [(60, 0.0, 4.0)]


def test_notes_held_by_the_pedal_and_its_state_are_included():
    played = performance(
        [(60, 6.0, 6.5), (61, 2.0, 2.5), (62, 20.0, 21.0)],
        [(64, 100, 5.0), (64, 0, 11.0), (7, 90, 0.0), (7, 80, 9.0), (64, 127, 19.0)],
    )
    (cut,) = played.cut(10.0, 3.0)
    assert notes(cut) == [(60, 0.0, 0.03)]
    changes = [(c.number, c.value, c.time) for c in cut.control_changes]
    assert changes == [(7, 90, 0.0), (7, 80, 1.0), (64, 100, 0.0), (64, 0, 3.0)]


def test_the_beginning_of_a_performance():
    played = performance([(60, 0.5, 1.0)], [(64, 127, 0.2)], [(300, 0.1), (0, 0.6)])
    (cut,) = played.cut(0.0, 1.0)
    assert notes(cut) == [(60, 2.5, 3.0)]
    assert [(c.value, round(c.time, 6)) for c in cut.control_changes] == [(127, 2.2)]
    assert [(b.pitch, round(b.time, 6)) for b in cut.pitch_bends] == [(300, 2.1), (0, 2.6)]


def test_tempo_transposition_and_velocity():
    played = performance([(60, 10.0, 11.0), (107, 10.5, 11.0), (22, 12.0, 12.5)])
    (cut,) = played.cut(10.0, 2.0, tempo=2.0, transposition=3, velocity=2.0)
    assert notes(cut) == [(63, 2.0, 2.5), (98, 2.25, 2.5), (25, 3.0, 3.25)]
    assert {note.velocity for note in cut.notes} == {127}
    (cut,) = played.cut(10.0, 3.0, transposition=-3, velocity=0.5)
    assert [pitch for pitch, _, _ in notes(cut)] == [57, 104, 31]
    assert {note.velocity for note in cut.notes} == {40}


def test_voices_without_notes_there_are_left_out():
    assert performance([(60, 0.0, 1.0)]).cut(30.0, 3.0) == []


def test_excerpts_lie_where_music_is():
    played = performance([(60, 0.0, 4.0), (62, 60.0, 64.0)])
    starts = np.array([played.start_of(position, 4.0) for position in np.arange(0, 1, 0.01)])
    overlaps = np.maximum(4 - np.abs(starts - 0), 4 - np.abs(starts - 60))
    assert overlaps.min() >= 1.5
    assert (starts < 5).any()
    assert (starts > 55).any()


@pytest.mark.parametrize("position", [0.0, 0.5, 0.999999])
def test_a_performance_shorter_than_the_excerpt(position):
    assert performance([(60, 0.0, 1.0)]).start_of(position, 6.0) == 0.0


def test_a_performance_with_little_in_it():
    played = performance([(60, 0.0, 0.1), (61, 30.0, 30.1)])
    assert 0.0 <= played.start_of(0.5, 6.0) <= 26.0
