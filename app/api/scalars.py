"""How times and days are written."""

from __future__ import annotations

from datetime import UTC, date, datetime

import strawberry
from graphql import GraphQLError
from strawberry.schema.types.scalar import DEFAULT_SCALAR_REGISTRY
from strawberry.types.scalar import ScalarDefinition

from graph.node import Id


def _written(at: datetime) -> str:
    in_utc = at.astimezone(UTC)
    return in_utc.isoformat(timespec="milliseconds" if in_utc.microsecond else "seconds").removesuffix("+00:00") + "Z"


def _read(text: object) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise GraphQLError("A time is ISO 8601 with its offset, such as 2026-03-15T12:00:00+08:00.")
    return at


def _read_day(text: object) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise GraphQLError("A day is written YYYY-MM-DD and is in the calendar.") from None


SCALARS: dict[object, ScalarDefinition] = {
    Id: DEFAULT_SCALAR_REGISTRY[strawberry.ID],
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment, ISO 8601. Read with any offset, which must be there; answered in UTC with Z. Milliseconds are kept.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=_written,
        parse_value=_read,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A calendar day, YYYY-MM-DD; in China (UTC+8) where WeChat's rules speak of days and months.",
        serialize=date.isoformat,
        parse_value=_read_day,
    ),
}
