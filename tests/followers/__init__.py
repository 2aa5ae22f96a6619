"""Processes that follow the feed of a running service, are killed and go on, and must have read each change exactly once."""
