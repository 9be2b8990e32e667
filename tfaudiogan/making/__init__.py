"""Making pairs: synthesis, degradation, loss of resolution, and recordings of one's own."""
