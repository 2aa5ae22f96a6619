"""Exports and bringing them in again: the same graph on the other side, whatever happens on the way."""
