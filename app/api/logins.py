"""Login codes: traded for a customer, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import strawberry

from app.api.context import Info
from app.api.edges import fill
from app.api.fields import Payload, mutation
from app.api.people import ExternalIDInput
from app.api.publish import publish, publish_input
from app.api.selection import Selection
from app.ingest.ports import LoginAnswer, MissingUnionIdReason
from graph.apikeys import Scope
from graph.node import Doc
from graph.people import Customer, OpenID
from graph.tenant import Tenant


@publish_input
@dataclass(frozen=True, kw_only=True)
class ExchangeLoginCodeInput:
    """A login code that WeChat gave the client."""

    app_id: Annotated[str, Doc("The touchpoint's AppID; its kind picks WeChat's call.")]
    code: Annotated[str, Doc("The code: good once, and for 5 minutes.")]
    external_ids: Annotated[
        list[ExternalIDInput] | None,
        Doc("Ids from outside of WeChat that the user is known by. They are checked first: where one is refused, the code is still good."),
    ] = None


@publish
@dataclass(frozen=True, kw_only=True)
class ExchangeLoginCodePayload(Payload):
    """Who logged in."""

    customer: Annotated[Customer | None, Doc("Who; null where the login failed, or was a snapshot user's.")] = None
    open_id: Annotated[OpenID | None, Doc("The OpenID that WeChat answered; null where there was none to keep.")] = None
    is_new_customer: Annotated[bool, Doc("Whether this login made the customer.")] = False
    is_snapshot_user: Annotated[bool, Doc("Whether WeChat answered with a virtual visitor (快照页): nothing was stored.")] = False
    missing_union_id_reason: Annotated[MissingUnionIdReason | None, Doc("Why WeChat gave no UnionID; null where it did.")] = None


@strawberry.type
class LoginMutations:
    """The mutation on login codes."""

    @mutation(needs=Scope.INGEST)
    async def exchange_login_code(
        self,
        info: Info,
        input: Annotated[ExchangeLoginCodeInput, strawberry.argument(description="The code.")],  # noqa: A002
    ) -> ExchangeLoginCodePayload:
        """Trade a login code for a customer. It consumes the code; session_key and tokens never leave the server.

        A service that needs session_key too asks WeChat itself and uses recordResolutions.
        """
        external_ids = tuple(one.ref for one in input.external_ids or ())
        answer = await info.context.services.logins.exchange(info.context.tenant, input.app_id, input.code, external_ids)
        return await _logged_in(info.context.tenant, Selection.of(info), answer)


async def _logged_in(tenant: Tenant, selected: Selection, answer: LoginAnswer) -> ExchangeLoginCodePayload:
    key = answer.open_id if selected.has("customer") or selected.has("openId") else None
    customer = (await tenant.customers([key]))[0] if key else None
    open_id = customer.identities.get(key) if customer and key else None
    await fill(tenant, selected.under("customer"), [customer])
    await fill(tenant, selected.under("openId"), [open_id])
    return ExchangeLoginCodePayload(
        customer=customer,
        open_id=open_id if isinstance(open_id, OpenID) else None,
        is_new_customer=answer.result is not None and answer.result.is_new_customer,
        is_snapshot_user=answer.is_snapshot_user,
        missing_union_id_reason=answer.missing_union_id_reason,
    )
