"""How a UnionID looks in WeChat's answers: usually plain, for some users empty, padded with a blank, or missing; all of that is normal."""

from collections.abc import Mapping

from app.sandbox.brand import FIRST_VIRTUAL, Brand
from app.sandbox.people import UnionIdQuirk


def shown_union_id(brand: Brand, person: int, app_id: str) -> Mapping[str, object]:
    """The `unionid` entry of an answer about that person, or nothing: a touchpoint bound nowhere never shows one."""
    union_id = brand.union_id(person, app_id)
    if union_id is None:
        return {}
    if person >= FIRST_VIRTUAL:
        return {"unionid": union_id}
    match brand.crowd.quirk(person):
        case UnionIdQuirk.PLAIN:
            return {"unionid": union_id}
        case UnionIdQuirk.PADDED:
            return {"unionid": " " + union_id}
        case UnionIdQuirk.EMPTY:
            return {"unionid": ""}
        case UnionIdQuirk.ABSENT:
            return {}
