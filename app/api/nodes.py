"""Whatever has an id, by its id: the prefix says where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import strawberry

from app.api.context import Context, Info
from app.api.edges import fill
from app.api.errors import bad_input
from app.api.fields import query
from app.api.selection import Selection
from app.api.steward import fill_sides
from graph.apikeys import ApiKey
from graph.changes import Change
from graph.decisions import Decision
from graph.jobs import Job
from graph.node import Id, Key, Node, key_of
from graph.people import Customer
from graph.policy_changes import PolicyChange
from graph.quarantine import Quarantined
from graph.receipts import ErasureReceipt

MOST = 100
REGISTRY = frozenset({"ent", "op", "tp", "bnd"})
PEOPLE = frozenset({"cus", "acc", "oid", "uid", "xid"})
CONFLICTS = frozenset({"cfl"})
STORED = frozenset({"qua", "job", "key", "chg", "dec", "era", "pol"})


@strawberry.type
class NodeQueries:
    """Questions by id."""

    @query()
    async def node(self, info: Info, id: Annotated[Id, strawberry.argument(description="Any id that this API gave.")]) -> Node | None:  # noqa: A002
        """Whatever has this id; null where nothing has. A customer's old id gives whoever holds that identifier now."""
        return (await _nodes(info.context, Selection.of(info), [id]))[0]

    @query()
    async def nodes(
        self, info: Info, ids: Annotated[list[Id], strawberry.argument(description=f"Any ids that this API gave, up to {MOST}.")]
    ) -> list[Node | None]:
        """Whatever has these ids, in their order; null where nothing has."""
        if len(ids) > MOST:
            raise bad_input(f"At most {MOST} ids in one call; here are {len(ids)}.")
        return await _nodes(info.context, Selection.of(info), ids)


async def _nodes(context: Context, selected: Selection, ids: Sequence[str]) -> list[Node | None]:
    """One question for each kind of place that the ids are in."""
    found: dict[str, Node | None] = {}
    found |= await _registered(context, _of(ids, REGISTRY))
    found |= await _people(context, selected, _of(ids, PEOPLE))
    found |= await _conflicts(context, selected, _of(ids, CONFLICTS))
    found |= await _stored(context, selected, _of(ids, STORED))
    return [_named(found.get(one), one) for one in ids]


def _named(node: Node | None, some_id: str) -> Node | None:
    """The node, if it is of the kind that the id says: a customer's key is an identifier's, too."""
    return node if node is not None and some_id.startswith(f"{node.prefix}_") else None


def _of(ids: Sequence[str], prefixes: frozenset[str]) -> dict[str, Key]:
    """The keys in those ids that have one of these prefixes; a malformed id is one that nothing has."""
    return {one: key for one in ids if one.partition("_")[0] in prefixes and (key := key_of(one))}


async def _registered(context: Context, keys: dict[str, Key]) -> dict[str, Node | None]:
    if not keys:
        return {}
    view = await context.tenant.view()
    return {one: view.node(key) for one, key in keys.items()}


async def _people(context: Context, selected: Selection, keys: dict[str, Key]) -> dict[str, Node | None]:
    customers = await context.tenant.customers(list(keys.values()))
    found = {one: _part(customer, one, key) for (one, key), customer in zip(keys.items(), customers, strict=True)}
    await fill(context.tenant, selected, found.values())
    return found


def _part(customer: Customer | None, some_id: str, key: Key) -> Node | None:
    """What of a customer an id names. An account is named by any identifier that it holds, as a customer is."""
    if customer is None or some_id.startswith("cus_"):
        return customer
    if some_id.startswith("acc_"):
        return next((one for one in customer.accounts if key in {i.key for i in (*one.open_ids, *one.union_ids)}), None)
    return customer.identities.get(key)


async def _conflicts(context: Context, selected: Selection, keys: dict[str, Key]) -> dict[str, Node | None]:
    if not keys:
        return {}
    conflicts = await context.tenant.conflicts(list(keys.values()))
    await fill(context.tenant, selected, conflicts)
    return dict(zip(keys, conflicts, strict=True))


async def _stored(context: Context, selected: Selection, keys: dict[str, Key]) -> dict[str, Node | None]:
    if not keys:
        return {}
    tenant = context.tenant
    nodes = dict(zip(keys, await tenant.store.nodes(tenant.name, list(keys.values())), strict=True))
    if any(isinstance(node, Job) for node in nodes.values()):
        view = await tenant.view()
        nodes = {one: replace(node, view=view) if isinstance(node, Job) else node for one, node in nodes.items()}
    await fill(tenant, selected, [node for node in nodes.values() if isinstance(node, Change)])
    await fill_sides(tenant, selected, [node for node in nodes.values() if isinstance(node, Decision)])
    kinds = Job | Quarantined | ApiKey | Change | Decision | ErasureReceipt | PolicyChange
    return {one: node for one, node in nodes.items() if isinstance(node, kinds)}
