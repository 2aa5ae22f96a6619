"""`uniongraph demo`: a sample brand goes through the whole service, over HTTP, and both headline questions are answered."""

from app.demo.command import COMMAND

__all__ = ["COMMAND"]
