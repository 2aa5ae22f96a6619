"""GraphQL over HTTP: the endpoint, its limits, and GraphiQL. What the schema says belongs to app.api."""
