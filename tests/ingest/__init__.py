"""Tests of ingestion: the real client against the real sandbox over HTTP, into a real SQLite store."""
