"""What each command does: options in, one call into the package, results out."""
