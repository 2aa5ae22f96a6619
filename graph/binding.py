"""The use cases that change a binding history: bind, unbind, move, correct, retract. What a history means is in bindings.py.

Each one asserts something, checks it against the history and WeChat's limits, and asks for the touchpoint's evidence to be re-scoped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from graph.accounts import Binding, OpenPlatform, Registry, Touchpoint, View
from graph.bindings import BindingPath, Epoch, in_force
from graph.errors import AlreadyBound, BindingLimitReached, Refused, SimpleError, UserErrorCode, invalid, not_found
from graph.given import UNSET, Unset, past_moment, reason_text
from graph.jobs import Job, JobKind
from graph.keys import random_key
from graph.limits import BindingLimit, LimitComponent, LimitComponentKind, LimitEffect, binding_limits, limit_for
from graph.node import FOR_EVER, SINCE_EVER, Key, Millis, key_of
from graph.registry import registry_only
from graph.tenant import Tenant
from graph.turn import Loaded, Writes


@dataclass(frozen=True, kw_only=True)
class _Wish:
    """One more assertion that somebody wants in a history."""

    app_id: str
    open_app_id: str | None = None
    """None: bound to nothing from then on."""
    platform_field: str = "openAppId"
    """What the input calls the Open Platform account."""
    at: Millis | None = None
    path: BindingPath = BindingPath.CONSOLE
    has_happened: bool = False


async def bind_touchpoint(
    tenant: Tenant,
    app_id: str,
    open_app_id: str,
    *,
    at: Millis | None = None,
    path: BindingPath = BindingPath.CONSOLE,
    has_happened: bool = False,
) -> tuple[Binding, Job | None]:
    """Record that a touchpoint bound to nothing is bound from `at` on. Without `at`: the first since ever, a later one from now."""
    wish = _Wish(app_id=app_id, open_app_id=open_app_id, at=at, path=path, has_happened=has_happened)
    return await _assert(tenant, wish, _must_be_free)


async def unbind_touchpoint(tenant: Tenant, app_id: str, *, at: Millis | None = None) -> tuple[Binding, Job | None]:
    """Record that a touchpoint is bound to nothing from `at` (default: now) on."""
    return await _assert(tenant, _Wish(app_id=app_id, at=at), _must_be_bound)


async def move_touchpoint(
    tenant: Tenant,
    app_id: str,
    to_open_app_id: str,
    *,
    at: Millis | None = None,
    path: BindingPath = BindingPath.CONSOLE,
    has_happened: bool = False,
) -> tuple[Binding, Job | None]:
    """Record that a bound touchpoint is bound to another Open Platform account from `at` (default: now) on."""
    wish = _Wish(app_id=app_id, open_app_id=to_open_app_id, platform_field="toOpenAppId", at=at, path=path, has_happened=has_happened)
    return await _assert(tenant, wish, _must_be_elsewhere)


async def correct_binding(
    tenant: Tenant,
    binding_id: str,
    *,
    reason: str,
    open_app_id: str | Unset | None = UNSET,
    at: Millis | Unset | None = UNSET,
) -> tuple[Binding, Job | None]:
    """Put one assertion right. `open_app_id` null: bound to nothing; `at` null: since ever. No job where nothing differs.

    It says what happened, so no limit is checked: what is over one is flagged.
    """
    job_key, why = random_key(), reason_text(reason)
    if open_app_id is UNSET and at is UNSET:
        raise invalid("Say what is to be corrected: give `openAppId`, `at` or both.")

    def decide(loaded: Loaded) -> tuple[Writes, tuple[Key, Job | None]]:
        registry, now = loaded.registry, tenant.now()
        known = _known_binding(registry, binding_id)
        if known.is_retracted:
            raise invalid(
                "This binding was retracted: record what is right with bindTouchpoint, moveTouchpoint or unbindTouchpoint.", "bindingId"
            )
        node = known
        if open_app_id is not UNSET:
            node = replace(node, platform_key=_platform_key(tenant, registry, open_app_id, "openAppId"))
        if at is not UNSET:
            node = replace(node, starts=SINCE_EVER if at is None else past_moment(at, now))
        if node == known:
            return Writes(), (node.key, None)
        _must_be_alone(registry, node)
        return _recorded(loaded, replace(node, reason=why), job_key, now)

    return await _written(tenant, decide)


async def retract_binding(tenant: Tenant, binding_id: str, *, reason: str) -> tuple[Binding, Job | None]:
    """Take one assertion back, as if it had never been made. Retracting it again changes nothing: no job."""
    job_key, why = random_key(), reason_text(reason)

    def decide(loaded: Loaded) -> tuple[Writes, tuple[Key, Job | None]]:
        known = _known_binding(loaded.registry, binding_id)
        if known.is_retracted:
            return Writes(), (known.key, None)
        return _recorded(loaded, replace(known, is_retracted=True, reason=why), job_key, tenant.now())

    return await _written(tenant, decide)


class _Case:
    """A wish beside the history it would enter."""

    def __init__(self, tenant: Tenant, registry: Registry, wish: _Wish) -> None:
        self.wish = wish
        self.registry = registry
        self.now = tenant.now()
        self.touchpoint_key = _touchpoint_key(tenant, registry, wish.app_id)
        self.platform_key = _platform_key(tenant, registry, wish.open_app_id, wish.platform_field)
        self.standing = in_force(registry.assertions(self.touchpoint_key))

    @cached_property
    def starts(self) -> Millis:
        """From when on it is to hold: here the default becomes explicit."""
        if self.wish.at is not None:
            return past_moment(self.wish.at, self.now)
        return self.now if self.standing else SINCE_EVER

    @cached_property
    def ends(self) -> Millis:
        """When the next assertion takes over."""
        return min((one.starts for one in self.standing if one.starts > self.starts), default=FOR_EVER)

    @cached_property
    def epoch(self) -> Epoch:
        """What holds at that time without it."""
        return self.registry.history(self.touchpoint_key).at(self.starts)

    def refuse_as_bound(self, message: str, field: str) -> Refused:
        """The touchpoint is bound at that time."""
        assert self.epoch.assertion is not None  # noqa: S101  # a bound epoch was begun by an assertion
        binding = self.registry.view(self.now).binding(self.epoch.assertion)
        return Refused(AlreadyBound(message=message, code=UserErrorCode.ALREADY_BOUND, path=[field], binding=binding))


def _must_be_free(case: _Case) -> None:
    if case.epoch.platform_key is not None:
        app_id, holder = case.wish.app_id, case.registry.open_platforms[case.epoch.platform_key].open_app_id
        raise case.refuse_as_bound(
            f"{app_id} is bound to {holder} at that time: use moveTouchpoint, or correctBinding where that was never so.", "appId"
        )


def _must_be_bound(case: _Case) -> None:
    if case.epoch.platform_key is None:
        remedy = "there is nothing to unbind." if case.platform_key is None else "use bindTouchpoint."
        message = f"{case.wish.app_id} is bound to no Open Platform account that we know of at that time: {remedy}"
        raise Refused(SimpleError(message=message, code=UserErrorCode.NOT_BOUND, path=["appId"]))


def _must_be_elsewhere(case: _Case) -> None:
    _must_be_bound(case)
    if case.epoch.platform_key == case.platform_key:
        message = f"{case.wish.app_id} is bound to {case.wish.open_app_id} at that time already: name another account, or another time."
        raise case.refuse_as_bound(message, case.wish.platform_field)


def _must_be_alone(registry: Registry, binding: Binding) -> None:
    """Two assertions of one instant would contradict each other."""
    others = in_force(registry.assertions(binding.touchpoint_key))
    if any(one.starts == binding.starts and one.key != binding.key for one in others):
        message = "Another assertion about this touchpoint begins at that instant: put it right with correctBinding, or give another `at`."
        raise Refused(SimpleError(message=message, code=UserErrorCode.OVERLAPPING_BINDING, path=["at"]))


def _must_be_within_limits(case: _Case, platform: Key) -> None:
    """As of the moment it begins; and where that is past and it still holds, as of now too, but for the quota of this month."""
    is_late = case.starts not in {SINCE_EVER, case.now}
    _refuse_beyond(case, platform, case.starts if is_late else case.now)
    if is_late and case.ends > case.now:
        _refuse_beyond(case, platform, case.now, LimitComponentKind.NEW_THIS_MONTH)


def _refuse_beyond(case: _Case, platform_key: Key, at: Millis, passed_over: LimitComponentKind | None = None) -> None:
    view = case.registry.view(at)
    platform, touchpoint = view.open_platform(platform_key), view.touchpoint(case.touchpoint_key)
    limit = _limit(view, touchpoint, platform, case.wish.path)
    refusing = (one for one in limit.components if one.effect is LimitEffect.REFUSES and one.remaining == 0 and one.kind is not passed_over)
    component = next(refusing, None)
    if component is not None:
        is_unqualified = component.kind is LimitComponentKind.QUALIFICATION
        code = UserErrorCode.NOT_QUALIFIED if is_unqualified else UserErrorCode.BINDING_LIMIT_REACHED
        message = _limit_message(case.wish, component)
        raise Refused(BindingLimitReached(message=message, code=code, path=[case.wish.platform_field], limit=limit))


def _limit(view: View, touchpoint: Touchpoint, platform: OpenPlatform, path: BindingPath) -> BindingLimit:
    limits = binding_limits(platform.key, platform.facts, view.registry.rules(platform.key), view.now)
    return limit_for(limits, touchpoint.kind, view.relation_of(touchpoint, platform), path)


def _limit_message(wish: _Wish, component: LimitComponent) -> str:
    return (
        f"WeChat would refuse to bind {wish.app_id} to {wish.open_app_id}: the rule {component.rule.name} ({component.kind.value}) "
        f"allows {component.limit}, {component.used} are used. If WeChat accepted it all the same, say so with `hasHappened: true`; "
        "if the rule has changed, use overrideLimit."
    )


async def _assert(tenant: Tenant, wish: _Wish, check: Callable[[_Case], None]) -> tuple[Binding, Job | None]:
    binding_key, job_key = random_key(), random_key()

    def decide(loaded: Loaded) -> tuple[Writes, tuple[Key, Job | None]]:
        case = _Case(tenant, loaded.registry, wish)
        check(case)
        binding = Binding(
            key=binding_key, touchpoint_key=case.touchpoint_key, platform_key=case.platform_key, starts=case.starts, path=wish.path
        )
        _must_be_alone(loaded.registry, binding)
        if case.platform_key is not None and not wish.has_happened:
            _must_be_within_limits(case, case.platform_key)
        return _recorded(loaded, binding, job_key, case.now)

    return await _written(tenant, decide)


def _recorded(loaded: Loaded, binding: Binding, job_key: Key, now: Millis) -> tuple[Writes, tuple[Key, Job | None]]:
    """The assertion; the touchpoint, whose evidence is stale from this version on; and the job that scopes it anew."""
    touchpoint = replace(loaded.registry.touchpoints[binding.touchpoint_key], scope_version=loaded.registry.version + 1)
    job = Job(key=job_key, kind=JobKind.RESCOPE, touchpoint_key=touchpoint.key, started=now, progressed=now)
    return Writes(put=[binding, touchpoint, job]), (binding.key, job)


async def _written(tenant: Tenant, decide: Callable[[Loaded], tuple[Writes, tuple[Key, Job | None]]]) -> tuple[Binding, Job | None]:
    key, job = await tenant.write(registry_only, decide)
    view = await tenant.view()
    return view.binding(key), job and replace(job, view=view)


def _touchpoint_key(tenant: Tenant, registry: Registry, app_id: str) -> Key:
    key = tenant.keys.touchpoint(app_id)
    if key not in registry.touchpoints:
        raise not_found("This touchpoint is not registered: register it with registerTouchpoint.", "appId")
    return key


def _platform_key(tenant: Tenant, registry: Registry, open_app_id: str | None, field: str) -> Key | None:
    if open_app_id is None:
        return None
    key = tenant.keys.open_platform(open_app_id)
    if key not in registry.open_platforms:
        raise not_found("This Open Platform account is not registered: register it with registerOpenPlatform.", field)
    return key


def _known_binding(registry: Registry, binding_id: str) -> Binding:
    key = key_of(binding_id, Binding.prefix)
    if key is None or key not in registry.bindings:
        raise not_found("There is no binding with this id: `bindingHistory` of its touchpoint lists them.", "bindingId")
    return registry.bindings[key]
