"""Making pairs: by synthesis, degradation, lower resolution, or from a user's own recordings."""

import io
from contextlib import redirect_stdout, suppress

# The module prints where it found its library if the environment variable CI is set.
with redirect_stdout(io.StringIO()), suppress(ImportError, OSError):
    import fluidsynth  # noqa: F401
