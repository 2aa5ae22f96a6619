"""The change feed as a client follows it: asked page by page through GraphQL, and applied as its description says."""

from __future__ import annotations

from itertools import groupby

from tests.api.asking import Api, Json

ITEM = "id kind occurredAt transactionId customerId previousCustomerIds identifierIds changesLeft cause"
PAGE = f"""query ($after: String) {{ changes(first: 3, after: $after) {{
  nodes {{ {ITEM} customer {{ id }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""


async def read(api: Api, after: str | None = None) -> tuple[list[Json], str]:
    """Every change after a cursor, and the cursor to come back with."""
    found: list[Json] = []
    while True:
        page = (await api.ask(PAGE, after=after))["changes"]
        found += page["nodes"]
        after = str(page["pageInfo"]["endCursor"])
        if not page["pageInfo"]["hasNextPage"]:
            return found, after


def applied(changes: list[Json], known: dict[str, list[str]] | None = None) -> dict[str, list[str]]:
    """Customers' ids with the ids of their identifiers, once these changes are applied."""
    customers = dict(known or {})
    for _, together in groupby(changes, key=lambda change: change["transactionId"]):
        items = list(together)
        assert list(range(len(items) - 1, -1, -1)) == [item["changesLeft"] for item in items]
        for gone in {one for item in items for one in (item["customerId"], *item["previousCustomerIds"])}:
            customers.pop(gone, None)
        customers |= {item["customerId"]: sorted(item["identifierIds"]) for item in items if item["identifierIds"]}
    return customers
