"""What graph/ promises, on the pure functions."""
