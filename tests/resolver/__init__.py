"""The rule of resolution, held against a plain reference in random histories: on the pure functions, in memory and on real stores."""
