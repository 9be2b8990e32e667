"""Files in an experiment's folder that record how it was made."""

from pathlib import Path

from tfaudiogan.config import Config

EXPERIMENT = "experiment.json"
CONFIG = "config.json"


def settled(config: Config, out: Path) -> Config:
    """Return the configuration that the experiment in ``out`` began with, if there is one.

    That gives the order of the generator's subpixel layers, and the precision in place of
    ``"auto"``, which is what this machine is fast at where the experiment is new.
    """
    path = out / CONFIG
    kept = Config.load(path) if path.is_file() else None
    if kept is not None:
        config = config.in_order(kept.generator.subpixel)
    if config.training.precision != "auto":
        return config
    from tfaudiogan.training.precision import resolve

    return resolve(config, kept.training.precision if kept else None)
