"""A brand's API driven step by step beside a plain model of it in memory, on every store: whatever is done, both say the same."""
