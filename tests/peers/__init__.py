"""Clients that others wrote, against the running service: what the protocols say is what they understand."""
