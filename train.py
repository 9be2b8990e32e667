"""The embedded main job: `python train.py` trains; `python train.py --help` says the rest."""

import sys

from tfaudiogan.cli import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
