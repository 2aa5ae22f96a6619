"""Deliberate faults of the rule, each of which a property must notice: tests of the tests."""
