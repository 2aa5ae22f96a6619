"""The sample brand: Linjian Coffee (林间咖啡) of Hangzhou, its retail affiliate, a partner, and everything they run on WeChat."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from app.sandbox.brand import Binding, BindingPath, Brand, Entity, OpenPlatform, Relation, Touchpoint, TouchpointKind
from app.sandbox.clock import CHINA
from app.sandbox.ids import IdMaker, credit_code
from app.sandbox.people import Account, Crowd

DEFAULT_SEED = 2026
DEFAULT_PEOPLE = 5_000
DEFAULT_AS_OF = date(2026, 11, 1)
"""The day the story ends on, fixed so that documents and tests can quote ids and dates."""

CATERING, RETAIL, PARTNER = "linjian-catering", "linjian-retail", "yuhuo-culture"
COFFEE, SHOP, CAMPUS = "coffee", "shop", "campus"
"""The three Open Platform accounts, by the name their ids are derived from."""


@dataclass(frozen=True)
class Plan:
    """One touchpoint of the story: what it is, who runs it, and where it was bound, each with the days before the story's end."""

    slug: str
    kind: TouchpointKind
    name: str
    english_name: str
    entity_id: str
    share: float
    bound: tuple[tuple[str, int], ...]
    path: BindingPath = BindingPath.CONSOLE
    is_verified: bool = True


PLANS = (
    Plan("order", TouchpointKind.MINI_PROGRAM, "林间咖啡点单", "Linjian Coffee Ordering", CATERING, 0.55, ((COFFEE, 1200),)),
    Plan("service", TouchpointKind.SERVICE_ACCOUNT, "林间咖啡", "Linjian Coffee", CATERING, 0.38, ((COFFEE, 1200),)),
    # Moved: everybody who used it before has another UnionID since.
    Plan("mall", TouchpointKind.MINI_PROGRAM, "林间会员商城", "Linjian Members' Mall", RETAIL, 0.25, ((SHOP, 1100), (COFFEE, 300))),
    Plan("journal", TouchpointKind.SUBSCRIPTION_ACCOUNT, "林间日志", "Linjian Journal", CATERING, 0.18, ((COFFEE, 1000),)),
    Plan("app", TouchpointKind.MOBILE_APP, "林间", "Linjian App", CATERING, 0.13, ((COFFEE, 950),)),
    Plan("site", TouchpointKind.WEBSITE_APP, "林间咖啡官网", "Linjian Website", CATERING, 0.07, ((COFFEE, 950),)),
    Plan("store", TouchpointKind.STORE, "林间咖啡旗舰店", "Linjian Flagship Store", RETAIL, 0.12, ((SHOP, 800),)),
    Plan("retail", TouchpointKind.SERVICE_ACCOUNT, "林间零售", "Linjian Retail", RETAIL, 0.16, ((SHOP, 1100),)),
    # Another company's game: it takes the small quota for different subjects. Bound late, so early players had no UnionID.
    Plan("game", TouchpointKind.MINI_GAME, "咖啡豆大作战", "Battle of the Beans", PARTNER, 0.10, ((COFFEE, 200),)),
    Plan(
        "campus", TouchpointKind.MINI_PROGRAM, "林间校园点单", "Linjian Campus Ordering", CATERING, 0.09, ((CAMPUS, 900),), BindingPath.API
    ),
    Plan(
        "campus-news",
        TouchpointKind.SUBSCRIPTION_ACCOUNT,
        "林间校园",
        "Linjian Campus",
        CATERING,
        0.06,
        ((CAMPUS, 890),),
        BindingPath.API,
        is_verified=False,
    ),
    Plan("branches", TouchpointKind.SERVICE_ACCOUNT, "林间门店", "Linjian Branches", RETAIL, 0.08, ()),
)


def make_brand(seed: int = DEFAULT_SEED, people: int = DEFAULT_PEOPLE, as_of: date = DEFAULT_AS_OF) -> Brand:
    """The brand of that seed with so many people, its story ending on `as_of`; nothing is computed per person before it is asked for."""
    ids = IdMaker(f"uniongraph sandbox {seed}".encode())
    touchpoints = tuple(_touchpoint(ids, plan) for plan in PLANS)
    return Brand(
        seed=seed,
        as_of=as_of,
        ids=ids,
        entities=_entities(ids),
        relations=(Relation(CATERING, RETAIL, starts_on=as_of - timedelta(days=600)),),
        open_platforms=_open_platforms(ids, as_of),
        touchpoints=touchpoints,
        bindings=tuple(binding for plan in PLANS for binding in _bindings(ids, plan, as_of)),
        crowd=Crowd(
            key=ids.digest("people"),
            accounts=tuple(
                Account(one.app_id, one.share, one.kind.is_official_account, one.kind.logs_in_with_oauth) for one in touchpoints
            ),
            size=people,
            story_ends=_midnight(as_of),
        ),
    )


def _entities(ids: IdMaker) -> tuple[Entity, ...]:
    def code(entity_id: str, division: str) -> str:
        return credit_code(division, f"{int.from_bytes(ids.digest('credit', entity_id)[:6], 'big') % 10**8:08d}")

    # Administrative divisions of GB/T 2260: Xihu in Hangzhou, Pudong in Shanghai, Gusu in Suzhou.
    return (
        Entity(CATERING, "杭州林间餐饮有限公司", "Hangzhou Linjian Catering Co., Ltd.", code(CATERING, "330106")),
        Entity(RETAIL, "上海林间零售有限公司", "Shanghai Linjian Retail Co., Ltd.", code(RETAIL, "310115")),
        Entity(PARTNER, "苏州渔火文化传播有限公司", "Suzhou Yuhuo Culture Media Co., Ltd.", code(PARTNER, "320508")),
    )


def _open_platforms(ids: IdMaker, as_of: date) -> tuple[OpenPlatform, ...]:
    def days_on(days: int) -> date:
        return as_of + timedelta(days=days)

    return (
        OpenPlatform(ids.app_id(COFFEE), "林间咖啡", "Linjian Coffee", CATERING, days_on(240), BindingPath.CONSOLE),
        OpenPlatform(ids.app_id(SHOP), "林间零售", "Linjian Retail", RETAIL, days_on(75), BindingPath.CONSOLE),
        OpenPlatform(ids.app_id(CAMPUS), "林间校园", "Linjian Campus", CATERING, None, BindingPath.API),
    )


def _touchpoint(ids: IdMaker, plan: Plan) -> Touchpoint:
    has_original_id = plan.kind.is_official_account or plan.kind.logs_in_with_js_code
    return Touchpoint(
        app_id=ids.app_id(plan.slug + " touchpoint"),
        kind=plan.kind,
        name=plan.name,
        english_name=plan.english_name,
        entity_id=plan.entity_id,
        secret=ids.secret(plan.slug),
        original_id=ids.original_id(plan.slug) if has_original_id else None,
        is_verified=plan.is_verified,
        share=plan.share,
    )


def _bindings(ids: IdMaker, plan: Plan, as_of: date) -> tuple[Binding, ...]:
    app_id = ids.app_id(plan.slug + " touchpoint")
    return tuple(Binding(app_id, ids.app_id(platform), _midnight(as_of - timedelta(days=days)), plan.path) for platform, days in plan.bound)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CHINA)
