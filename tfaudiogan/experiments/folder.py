"""What the folder of an experiment keeps of how it was made."""

from pathlib import Path

from tfaudiogan.config import Config

EXPERIMENT = "experiment.json"
CONFIG = "config.json"


def settled_precision(config: Config, out: Path) -> Config:
    """The configuration with the precision ``"auto"`` replaced: by that of the experiment in
    ``out``, where there is one, else by what this machine is fast at."""
    if config.training.precision != "auto":
        return config
    from tfaudiogan.training.precision import resolve

    path = out / CONFIG
    return resolve(config, Config.load(path).training.precision if path.is_file() else None)
