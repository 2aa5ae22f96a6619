"""The invariants of the graph, one file each, named by its number: what holds whatever is said, in whatever order, on every store."""
