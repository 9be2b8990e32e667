"""Score alternatives to this package on the excerpts of ``benchmarks.restoration``.

    make peers EXCERPTS=FOLDER

Matchering masters a recording toward a reference, here another clean excerpt with the same
soundfont and program. noisereduce removes stationary noise. Both run in a separate environment,
because they need older versions of other packages.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.restoration import RATE, Systems, score_systems, write_results
from tfaudiogan.audio.files import read_audio, write_audio


def matchering(audio: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Match the level and spectrum of a mono signal to those of a reference."""
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
    """Apply spectral gating with the defaults of noisereduce."""
    import noisereduce

    return noisereduce.reduce_noise(y=audio, sr=RATE).astype(np.float32)


def systems_for(targets: list[np.ndarray], number: int, references: list[int]) -> Systems:
    """Return both systems for one excerpt."""
    reference = targets[references[0]]
    return {
        "matchering": lambda audio: matchering(audio, reference),
        "noisereduce": noise_reduction,
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder", type=Path, help="Folder written by benchmarks.restoration render."
    )
    folder = parser.parse_args().folder
    write_results(score_systems(folder, systems_for), folder, "peers")


if __name__ == "__main__":
    main()
