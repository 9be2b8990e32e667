"""The format of a corpus, pairs of audio files and a manifest: reading, writing, conversion."""

from tfaudiogan.corpus.reading import Corpus

__all__ = ["Corpus"]
