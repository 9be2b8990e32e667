"""The page of enhanced recordings: what was there, what came out, and what changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfaudiogan.audio.files import AudioReader
from tfaudiogan.reporting import figures
from tfaudiogan.reporting.page import Page
from tfaudiogan.storage import write_text

SECONDS = 30.0
"""How much of each recording the page holds, from its middle: stereo takes some 5 MB."""

MOST = 20


@dataclass(frozen=True)
class Recording:
    """A recording, what was made of it, and an account of it in a line."""

    source: Path
    enhanced: Path
    account: str


def write_comparison(path: Path, recordings: Sequence[Recording], model: str) -> Path:
    """Write one self-contained page for recordings that were enhanced.

    Args:
        path: of the page.
        recordings: at most ``MOST`` of them are shown.
        model: what enhanced them, in words.

    Returns:
        The page's path.
    """
    page = Page(
        "Before and after",
        lead=f"Enhanced by {model}. Both versions are at the same level; switch while they play, "
        "or try blind whether you hear a difference.",
    )
    for recording in recordings[:MOST]:
        section = page.section(recording.source.name)
        before, rate = _middle(recording.source)
        after, _ = _middle(recording.enhanced)
        samples = min(len(before), len(after))
        before, after = before[:samples], after[:samples]
        section.comparison(recording.source.name, before, after, rate, note=recording.account)
        signals = {"before": before.mean(axis=1), "after": after.mean(axis=1)}
        section.figure(
            figures.spectrograms(signals, rate),
            alt=f"Spectrograms of {recording.source.name} before and after, one below the other",
            tall=True,
        )
        section.figure(
            figures.average_spectra(signals, rate),
            alt=f"Average spectra of {recording.source.name} before and after, over one another",
        )
        section.figure(
            figures.waveforms(signals, rate),
            alt=f"Waveforms of {recording.source.name} before and after, at the loudest place",
        )
    if len(recordings) > MOST:
        page.sections[-1].text(f"{MOST} of {len(recordings)} recordings are shown.")
    write_text(path, page.html())
    return path


def _middle(path: Path) -> tuple[np.ndarray, int]:
    """``SECONDS`` from the middle of a file, ``(samples, channels)``, and its sample rate."""
    reader = AudioReader(path)
    wanted = round(SECONDS * reader.sample_rate)
    first = max(0, (reader.samples - wanted) // 2)
    parts, position = [], 0
    for block in reader.blocks():
        parts.append(block[max(0, first - position) : max(0, first + wanted - position)])
        position += len(block)
        if position >= first + wanted:
            break
    return np.concatenate(parts)[:, :2], reader.sample_rate
