"""A tenant as a file: exports, and bringing them in again, into this store or another one."""
