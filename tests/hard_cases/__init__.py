"""The hard cases of identity, each through GraphQL on every store, in more than one order of arrival, with the same right answer."""
