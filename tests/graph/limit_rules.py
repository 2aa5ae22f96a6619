"""What WeChat's binding rules must say of themselves: certainty, source and date, written by hand from WeChat's pages."""

from __future__ import annotations

from dataclasses import dataclass

NOTICE = "WeChat community, notice 绑定移动应用、公众号、小程序规则调整 (edited 2024-12-30)"
BIND_PAGE = "WeChat Open Platform, page 开放平台绑定应用账号 (not before 2025-11-28)"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a rule must say of itself."""

    name: str
    certainty: str
    source: str
    as_of: str
    notes: tuple[str, ...] = ()
    """The first word of each note."""


MINI_PROGRAM_SAME = Rule(
    name="mini_program_same",
    certainty="DOCUMENTED",
    source=f"{BIND_PAGE}: 50 mini programs of the same and related subjects together.",
    as_of="2025-11-28",
)
MINI_PROGRAM_DIFFERENT = Rule(
    name="mini_program_different",
    certainty="DOCUMENTED",
    source=f"{BIND_PAGE}: 5 mini programs of different subjects.",
    as_of="2025-11-28",
)
MINI_PROGRAM_NEW = Rule(
    name="mini_program_new_different",
    certainty="DOCUMENTED",
    source=f"{NOTICE}: 5 new bindings a month of mini programs of different subjects. "
    "The page 开放平台绑定应用账号 (not before 2025-11-28) no longer says so: possibly dropped.",
    as_of="2024-12-30",
    notes=("disputed",),
)
MINI_GAME_SAME = Rule(
    name="mini_game_same",
    certainty="DOCUMENTED",
    source=f"{BIND_PAGE}: 100 mini games of the same and related subjects, apart from mini programs.",
    as_of="2025-11-28",
)
OFFICIAL_SAME = Rule(
    name="official_account_same",
    certainty="DOCUMENTED",
    source=f"{NOTICE}: 50 official accounts of the same and related subjects, subscription and service accounts in one line. "
    "A page of 2025 has a heading for each, with numbers that we could not read.",
    as_of="2024-12-30",
    notes=("quota_may_be_split",),
)
OFFICIAL_DIFFERENT = Rule(
    name="official_account_different",
    certainty="DOCUMENTED",
    source=f"{NOTICE}: 5 official accounts of different subjects, subscription and service accounts in one line. "
    "A page of 2025 has a heading for each, with numbers that we could not read.",
    as_of="2024-12-30",
    notes=("quota_may_be_split",),
)
OFFICIAL_NEW = Rule(
    name="official_account_new_different",
    certainty="DOCUMENTED",
    source=f"{NOTICE}: 5 new bindings a month of official accounts of different subjects. "
    "What the page of 2025 says about it we could not read.",
    as_of="2024-12-30",
    notes=("month_assumed",),
)
MOBILE_SAME = Rule(
    name="mobile_app_same",
    certainty="DOCUMENTED",
    source=f"{NOTICE}: a qualified account creates up to 50 mobile apps.",
    as_of="2024-12-30",
)
WEBSITE_SAME = Rule(
    name="website_app_same",
    certainty="DOCUMENTED",
    source=f"{NOTICE}: one account applies for at most 10 website apps, qualified or not.",
    as_of="2024-12-30",
)
WALL = Rule(
    name="total_wall",
    certainty="DOCUMENTED",
    source="WeChat's error list for bindings by API (no date), error 89004: 100 official accounts and mini programs together. "
    "The console's quotas add up to more.",
    as_of="2026-11-22",
    notes=("wall_disputed",),
)
UNQUALIFIED_MINI_PROGRAM = Rule(
    name="unqualified_mini_program_same",
    certainty="DOCUMENTED",
    source=f"{NOTICE}: 5 mini programs of the same subject on an unqualified account. Disputed: the page 开放平台绑定应用账号 "
    "(not before 2025-11-28) asks for the qualification, and copies of older help pages allow none.",
    as_of="2024-12-30",
    notes=("disputed",),
)
UNQUALIFIED_OFFICIAL = Rule(
    name="unqualified_official_account_same",
    certainty="DOCUMENTED",
    source=f"{NOTICE}: an unqualified account binds no official account and no test account.",
    as_of="2024-12-30",
    notes=("not_qualified",),
)
UNQUALIFIED_MOBILE = Rule(
    name="unqualified_mobile_app_same",
    certainty="DOCUMENTED",
    source=f"{NOTICE}: an unqualified account creates up to 10 mobile apps.",
    as_of="2024-12-30",
    notes=("not_qualified",),
)
API_MADE_UNQUALIFIED = Rule(
    name="api_made_unqualified",
    certainty="DOCUMENTED",
    source="WeChat openApi reference of bindOpenAccount and createOpenAccount (2025): "
    "an unqualified account made by API binds at most 5, of the same subject.",
    as_of="2025-01-01",
    notes=("api_same_subject_only",),
)
API_QUALIFIED = Rule(
    name="api_qualified",
    certainty="INFERRED",
    source="Sources disagree: the openApi reference of bindOpenAccount (2025) limits unqualified accounts only, "
    "so the console's 50 would hold; "
    "the page 开放平台绑定应用账号 (not before 2025-11-28) says at most 5 mini programs by API without naming the qualification; "
    "older third-party guides let the API touch no account registered in the console.",
    as_of="2025-11-28",
    notes=("api_may_allow_5",),
)
