"""A collection of composed pieces on disk."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfaudiogan.making.composer.piece import MIN_SECONDS, compose
from tfaudiogan.storage import replacing, write_text

TABLE = "pieces.csv"
PIECES = {"train": 24, "validation": 4, "test": 4}


def compose_corpus(
    folder: Path | str,
    seed: int = 0,
    *,
    seconds: float = 60.0,
    pieces: Mapping[str, int] = PIECES,
) -> Path:
    """Write pieces of about ``seconds`` each in the MAESTRO layout, ready to be rendered.

    A piece depends only on the seed, its split and its number, so that asking for more pieces does
    not change the others.

    Args:
        folder: folder for ``pieces.csv`` and, for each split, a folder of MIDI files.
        seed: random seed, 0 or more.
        seconds: mean length; pieces are up to a fifth shorter or longer.
        pieces: number of pieces of each split.

    Returns:
        The folder.
    """
    folder = Path(folder)
    table = io.StringIO()
    columns = ("canonical_composer", "canonical_title", "split", "midi_filename", "duration")
    writer = csv.DictWriter(table, columns, lineterminator="\n")
    writer.writeheader()
    for split, count in pieces.items():
        for number in range(count):
            sequence = np.random.SeedSequence([seed, *split.encode(), number])
            length = seconds * np.random.default_rng(sequence).uniform(0.8, 1.2)
            midi = compose(int(sequence.generate_state(1)[0]), max(MIN_SECONDS, float(length)))
            name = f"{split}/piece-{number + 1:02d}.mid"
            with replacing(folder / name) as temporary:
                midi.write(str(temporary))
            row = ("tfaudiogan", f"Piece {number + 1} ({split})", split, name)
            writer.writerow(dict(zip(columns, (*row, f"{midi.get_end_time():.3f}"), strict=True)))
    write_text(folder / TABLE, table.getvalue())
    return folder
