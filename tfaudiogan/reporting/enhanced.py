"""The comparison page of enhanced recordings, before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfaudiogan.audio.files import AudioReader
from tfaudiogan.reporting import figures
from tfaudiogan.reporting.page import Page
from tfaudiogan.storage import write_text

SECONDS = 30.0
"""Length of each excerpt, from the middle of the recording. Stereo takes about 5 MB."""

MAX_RECORDINGS = 20


@dataclass(frozen=True)
class Recording:
    """A recording, its enhanced version, and a one-line summary of the changes."""

    source: Path
    enhanced: Path
    summary: str


def write_comparison(path: Path, recordings: Sequence[Recording], model: str) -> Path:
    """Write one self-contained page for recordings that were enhanced.

    Args:
        path: Path of the page.
        recordings: Enhanced recordings. At most ``MAX_RECORDINGS`` are shown.
        model: Description of the model that enhanced them.

    Returns:
        The path of the page.
    """
    page = Page(
        "Before and after",
        lead=f"Enhanced by {model}. Both versions have the same level. Switch between them while "
        "they play, or test blind whether you hear a difference.",
    )
    for recording in recordings[:MAX_RECORDINGS]:
        section = page.section(recording.source.name)
        before, rate = _middle(recording.source)
        after, _ = _middle(recording.enhanced)
        samples = min(len(before), len(after))
        before, after = before[:samples], after[:samples]
        section.comparison(recording.source.name, before, after, rate, note=recording.summary)
        signals = {"before": before.mean(axis=1), "after": after.mean(axis=1)}
        section.figure(
            figures.spectrograms(signals, rate),
            alt=f"Stacked spectrograms of {recording.source.name} before and after",
            tall=True,
        )
        section.figure(
            figures.average_spectra(signals, rate),
            alt=f"Overlaid average spectra of {recording.source.name} before and after",
        )
        section.figure(
            figures.waveforms(signals, rate),
            alt=f"Waveforms of {recording.source.name} before and after, where it is loudest",
        )
    if len(recordings) > MAX_RECORDINGS:
        page.sections[-1].text(
            f"{MAX_RECORDINGS} of {len(recordings)} recordings are shown to keep the page small."
        )
    write_text(path, page.html())
    return path


def _middle(path: Path) -> tuple[np.ndarray, int]:
    """Read ``SECONDS`` from the middle of a file; return ``(samples, channels)`` and the rate."""
    reader = AudioReader(path)
    count = round(SECONDS * reader.sample_rate)
    first = max(0, (reader.samples - count) // 2)
    parts, position = [], 0
    for block in reader.blocks():
        parts.append(block[max(0, first - position) : max(0, first + count - position)])
        position += len(block)
        if position >= first + count:
            break
    return np.concatenate(parts)[:, :2], reader.sample_rate
