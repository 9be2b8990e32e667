"""What a user could install instead, on the excerpts of ``benchmarks.restoration``.

    make peers EXCERPTS=FOLDER

Matchering masters a recording towards a reference, here another clean excerpt of the same soundfont
and program. noisereduce takes stationary noise away. Both run in an environment
of their own, as they hold packages back.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.restoration import RATE, Systems, score_systems, write_results
from tfaudiogan.audio.files import read_audio, write_audio


def matchering(audio: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Match level and spectrum of a mono signal to a reference's."""
    import matchering as mastering

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for stem, signal in (("target", audio), ("reference", reference)):
            peak = max(1.0, float(np.abs(signal).max()))
            write_audio(folder / f"{stem}.wav", np.stack([signal / peak] * 2, axis=1), RATE)
        mastering.process(
            target=str(folder / "target.wav"),
            reference=str(folder / "reference.wav"),
            results=[mastering.Result(str(folder / "result.wav"), subtype="FLOAT")],
        )
        result, _ = read_audio(folder / "result.wav", RATE, mono=True)
    return result[: len(audio)]


def noise_reduction(audio: np.ndarray) -> np.ndarray:
    """Spectral gating with the package's own defaults."""
    import noisereduce

    return noisereduce.reduce_noise(y=audio, sr=RATE).astype(np.float32)


def systems_for(targets: list[np.ndarray], number: int, other: int) -> Systems:
    """Both peers for one excerpt."""
    reference = targets[other]
    return {
        "matchering": lambda audio: matchering(audio, reference),
        "noisereduce": noise_reduction,
    }


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="Folder that benchmarks.restoration rendered.")
    folder = parser.parse_args().folder
    write_results(score_systems(folder, systems_for), folder, "peers")


if __name__ == "__main__":
    main()
