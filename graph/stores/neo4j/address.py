"""A store's URL taken apart: where Neo4j is, who asks, which database. The password goes to the driver and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from graph.stores import StoreRefused

SCHEMES = frozenset({"bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc"})


@dataclass(frozen=True)
class Address:
    """Where Neo4j is."""

    uri: str
    """Without user and password: may be shown."""
    is_routed: bool
    """`neo4j://`: a cluster, whose members share reads."""
    database: str | None
    user: str | None
    password: str | None = field(repr=False)

    @classmethod
    def of(cls, url: str) -> Address:
        """Read `neo4j://user:password@host:7687/database`. Raises StoreRefused, without the URL in its message."""
        parts = _split(url)
        port = f":{parts.port}" if parts.port else ""
        host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
        query = f"?{parts.query}" if parts.query else ""
        return cls(
            uri=f"{parts.scheme}://{host}{port}{query}",
            is_routed=parts.scheme.startswith("neo4j"),
            database=unquote(parts.path.strip("/")) or None,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )

    @property
    def auth(self) -> tuple[str, str] | None:
        """What the driver shows the server; None where the URL names no user."""
        return (self.user, self.password or "") if self.user else None


def _split(url: str) -> SplitResult:
    """The URL's parts. What cannot be read is not repeated, for it may hold a password."""
    try:
        parts = urlsplit(url)
        readable = parts.scheme in SCHEMES and bool(parts.hostname) and (parts.port or True)
    except ValueError:
        readable = False
    if not readable:
        raise StoreRefused("A Neo4j store is neo4j://user:password@host:7687/database; percent-encode /, @ and : in the password.")
    return parts
