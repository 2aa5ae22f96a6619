"""Tests of the HTTP side: GraphQL over HTTP, GraphiQL, health, and what a browser may do."""
