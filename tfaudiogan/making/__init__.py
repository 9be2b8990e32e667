"""Making pairs: by synthesis, degradation, lower resolution, or from a user's own recordings."""
