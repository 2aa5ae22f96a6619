"""The commands of `uniongraph`, one a file: each declares its options and runs. What they do belongs elsewhere."""
