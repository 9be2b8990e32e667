"""Piano pieces that the package composes itself, so that it can be tried without any data."""

from tfaudiogan.data.composer.collection import PIECES, compose_corpus
from tfaudiogan.data.composer.piece import compose

__all__ = ["PIECES", "compose", "compose_corpus"]
