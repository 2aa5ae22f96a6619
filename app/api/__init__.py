"""The GraphQL API: the graph's own types, published, and the questions and mutations on them, by concept."""
