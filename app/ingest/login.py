"""Login codes: the touchpoint's kind picks the call, WeChat's answer becomes evidence. Session keys and tokens end here."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from app.ingest.ports import LoginAnswer, MissingUnionIdReason
from app.ingest.refusals import refused_by_wechat
from app.wechat.client import WeChatClient
from app.wechat.errors import WeChatError
from app.wechat.messages import LoginIdentity, LoginSource
from graph.accounts import Touchpoint
from graph.bindings import TouchpointKind
from graph.errors import Refused, invalid, not_found
from graph.evidence import ResolutionSource
from graph.gather import Recorder
from graph.node import Key
from graph.rows import ExternalRef, Row, external_identifier
from graph.tenant import Tenant

_log = structlog.get_logger()

JS_CODE = frozenset({TouchpointKind.MINI_PROGRAM, TouchpointKind.MINI_GAME})
OAUTH = {
    TouchpointKind.SERVICE_ACCOUNT: ResolutionSource.WEB_OAUTH,
    TouchpointKind.OFFICIAL_TEST_ACCOUNT: ResolutionSource.WEB_OAUTH,
    TouchpointKind.WEBSITE_APP: ResolutionSource.WEB_OAUTH,
    TouchpointKind.MOBILE_APP: ResolutionSource.APP_OAUTH,
}
BASE_SCOPE = ("snsapi_base",)


@dataclass(frozen=True)
class Logins:
    """Trades login codes for identities; see ports.LoginService."""

    wechat: WeChatClient
    recorder: Recorder

    async def exchange(self, tenant: Tenant, app_id: str, code: str, external_ids: tuple[ExternalRef, ...]) -> LoginAnswer:
        """Ask WeChat once and record the answer. Raises Refused."""
        view = await tenant.view()
        key = tenant.keys.touchpoint(app_id)
        if key not in view.registry.touchpoints:
            raise not_found("This touchpoint is not registered: register it with registerTouchpoint.", "appId")
        touchpoint = view.touchpoint(key)
        for i, ref in enumerate(external_ids):
            # Before WeChat is asked: an external id that cannot be read must not cost the user the code.
            external_identifier(ref, view.registry.policy, tenant.keys, f"externalIds.{i}")
        identity = await self._ask(touchpoint, code)
        if identity.is_snapshot_user:
            _log.info("snapshot_user_dropped", app_id=app_id)
            return LoginAnswer(result=None, open_id=None, is_snapshot_user=True, missing_union_id_reason=MissingUnionIdReason.SNAPSHOT_USER)
        row = Row(
            app_id=app_id,
            open_id=identity.open_id,
            union_id=identity.union_id,
            source=_source(touchpoint, identity),
            external_ids=external_ids,
            was_login=True,
        )
        result = (await self.recorder.record(tenant, [row]))[0]
        if result.error is not None:
            raise Refused(result.error)
        open_id = tenant.keys.open_id(app_id, identity.open_id)
        reason = None if identity.union_id else await _why_missing(tenant, touchpoint, identity, open_id)
        return LoginAnswer(result=result, open_id=open_id, missing_union_id_reason=reason)

    async def _ask(self, touchpoint: Touchpoint, code: str) -> LoginIdentity:
        try:
            if touchpoint.kind in JS_CODE:
                return await self.wechat.code_to_session(touchpoint.app_id, code)
            if touchpoint.kind in OAUTH:
                return await self.wechat.exchange_oauth_code(touchpoint.app_id, code)
        except WeChatError as error:
            raise refused_by_wechat(error) from None
        raise invalid(
            f"WeChat has no login for a touchpoint of the kind {touchpoint.kind.value}: record what you know with recordResolutions.",
            "appId",
        )


def _source(touchpoint: Touchpoint, identity: LoginIdentity) -> ResolutionSource:
    if identity.source is LoginSource.USERINFO:
        return ResolutionSource.USERINFO
    return ResolutionSource.CODE2SESSION if touchpoint.kind in JS_CODE else OAUTH[touchpoint.kind]


async def _why_missing(tenant: Tenant, touchpoint: Touchpoint, identity: LoginIdentity, open_id: Key) -> MissingUnionIdReason | None:
    """Why no UnionID came; None where an earlier one is known under the binding in force."""
    if touchpoint.binding is None:
        return MissingUnionIdReason.NOT_BOUND
    customer = (await tenant.customers([open_id]))[0]
    uses = customer.touchpoints if customer else []
    if any(use.open_id.key == open_id and use.union_id for use in uses):
        return None
    return MissingUnionIdReason.SCOPE_TOO_SMALL if identity.scope == BASE_SCOPE else MissingUnionIdReason.UNKNOWN
