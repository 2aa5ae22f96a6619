"""The GraphQL API, executed in process on a real store."""
