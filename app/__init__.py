"""The service: how the outside world reaches the graph."""
