"""WeChat's error codes as data: what each means, what a person does about it, how the client reacts.

One row a code; the exceptions they become are in errors.py, the retries in retries.py.
"""

from dataclasses import dataclass
from enum import Enum

# Titles of the pages at developers.weixin.qq.com that document the codes, as read on 2026-11-22.
PAGE_OF_CREDENTIALS = "获取稳定版接口调用凭据"
PAGE_OF_USE = "access_token 使用说明"
LOGIN_PAGE = "小程序登录凭证校验"
OAUTH_PAGE = "换取用户授权凭证"
USERS_PAGE = "批量获取用户基本信息"
QUOTA_PAGE = "API Call Limits"
COMPONENT_PAGE = "授权变更通知推送"


class Reaction(Enum):
    """What the client does when it meets a code."""

    RETRY = "retry, unless the call spends a one-use code"
    REFRESH = "refresh the token once and repeat the call once"
    LOGIN_AGAIN = "the code is of no use; the user has to log in again"
    SKIP_ITEM = "permanent for this OpenID; mark it and go on"
    SPLIT = "halve the list and ask again"
    NEXT_MINUTE = "wait for the next minute"
    NEXT_DAY = "stop calling this path until midnight in China"
    ALERT = "a person has to change something in WeChat's console"
    GIVE_UP = "permanent; repeating gives the same answer"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One errcode: what it means, what to do about it, how the client reacts, and the page that says so."""

    meaning: str
    remedy: str
    reaction: Reaction
    source: str = QUOTA_PAGE


LOG_IN_AGAIN = "ask the user to log in again: a code works once, for five minutes, with the AppID it was made for"
OUR_MISTAKE = "this is a mistake of UnionGraph: please report it with the rid"
CHECK_CONSOLE = "compare AppID and AppSecret with 'Development settings' in WeChat's console; a reset there makes the old secret useless"
ALLOW_ADDRESS = "add this service's outgoing IP address to the IP white list in WeChat's console"
GET_THE_RIGHT = (
    "verify the account with WeChat and check that no third-party platform holds this permission set; with web login, check the scope"
)
AUTHORISE_AGAIN = "let the user authorise again; the grant has ended"
AUTHORISE_COMPONENT = "let the account's administrator authorise the third-party platform again, with this permission set"
WAIT_FOR_ADMINISTRATOR = "ask the account's administrator to confirm this IP address in WeChat"
REFRESHED_BY_ITSELF = "the client fetches a fresh token by itself; if this stays, another program resets the tokens of this AppID"
ASK_LATER = "nothing to do: WeChat is busy; try again later"


def _ours(meaning: str) -> ErrorCode:
    return ErrorCode(meaning, OUR_MISTAKE, Reaction.GIVE_UP)


ERROR_CODES: dict[int, ErrorCode] = {
    -1: ErrorCode("WeChat is busy", ASK_LATER, Reaction.RETRY),
    40001: ErrorCode("the token is not the valid one, or the AppSecret is wrong", REFRESHED_BY_ITSELF, Reaction.REFRESH, PAGE_OF_USE),
    40002: _ours("wrong grant_type"),
    40003: ErrorCode(
        "the OpenID is unknown to this account", "check that the OpenID was issued for this AppID", Reaction.SKIP_ITEM, USERS_PAGE
    ),
    40013: ErrorCode("the AppID is wrong", CHECK_CONSOLE, Reaction.ALERT, PAGE_OF_CREDENTIALS),
    40014: ErrorCode("the token is malformed", REFRESHED_BY_ITSELF, Reaction.REFRESH, PAGE_OF_USE),
    40029: ErrorCode("the login code is invalid", LOG_IN_AGAIN, Reaction.LOGIN_AGAIN, LOGIN_PAGE),
    40030: ErrorCode("the refresh token is invalid", AUTHORISE_AGAIN, Reaction.LOGIN_AGAIN, OAUTH_PAGE),
    40031: ErrorCode("the list of OpenIDs is not acceptable", OUR_MISTAKE, Reaction.SPLIT, USERS_PAGE),
    40032: ErrorCode("the length of the list of OpenIDs is not acceptable", OUR_MISTAKE, Reaction.SPLIT, USERS_PAGE),
    40033: _ours("characters were sent as \\u escapes"),
    40125: ErrorCode("the AppSecret is wrong", CHECK_CONSOLE, Reaction.ALERT, PAGE_OF_CREDENTIALS),
    40163: ErrorCode("the login code was used before", LOG_IN_AGAIN, Reaction.LOGIN_AGAIN, LOGIN_PAGE),
    40164: ErrorCode("the calling IP address is not on the white list", ALLOW_ADDRESS, Reaction.ALERT, PAGE_OF_CREDENTIALS),
    40226: ErrorCode(
        "WeChat blocks this user as high-risk", "refuse the login; nothing was learned about the user", Reaction.GIVE_UP, LOGIN_PAGE
    ),
    41001: _ours("access_token is missing"),
    41002: _ours("appid is missing"),
    41003: _ours("refresh_token is missing"),
    41004: _ours("secret is missing"),
    41005: _ours("the media is missing"),
    41006: _ours("media_id is missing"),
    41007: _ours("the menu is missing"),
    41008: ErrorCode("the code is missing", LOG_IN_AGAIN, Reaction.LOGIN_AGAIN, LOGIN_PAGE),
    41009: _ours("openid is missing"),
    42001: ErrorCode("the token has expired", REFRESHED_BY_ITSELF, Reaction.REFRESH, PAGE_OF_USE),
    42002: ErrorCode("the refresh token has expired", AUTHORISE_AGAIN, Reaction.LOGIN_AGAIN, OAUTH_PAGE),
    42003: ErrorCode("the web login code has expired", LOG_IN_AGAIN, Reaction.LOGIN_AGAIN, OAUTH_PAGE),
    42006: ErrorCode("the component token has expired", REFRESHED_BY_ITSELF, Reaction.REFRESH, COMPONENT_PAGE),
    42007: ErrorCode("the user changed their password, which ended the grant", AUTHORISE_AGAIN, Reaction.LOGIN_AGAIN, OAUTH_PAGE),
    43001: _ours("WeChat wants GET here"),
    43002: _ours("WeChat wants POST here"),
    43003: ErrorCode("WeChat wants HTTPS", "set the base address to https://", Reaction.ALERT),
    43004: ErrorCode("the user does not follow the account", "nothing to do: a normal state", Reaction.SKIP_ITEM, USERS_PAGE),
    44002: _ours("the body of the POST is empty"),
    45009: ErrorCode(
        "the day's quota of calls is used up",
        "wait for midnight in China, or reset the quota in WeChat's console (10 times a month)",
        Reaction.NEXT_DAY,
    ),
    45011: ErrorCode("too many calls in this minute", "nothing to do: wait for the next minute", Reaction.NEXT_MINUTE, LOGIN_PAGE),
    45035: ErrorCode("the calling IP address is not registered", ALLOW_ADDRESS, Reaction.ALERT),
    47001: _ours("the body is not valid JSON"),
    47002: _ours("the body holds characters that WeChat does not read"),
    48001: ErrorCode("the account has no right to this API", GET_THE_RIGHT, Reaction.ALERT),
    48004: ErrorCode("WeChat banned this API for violations", "read the notice in WeChat's console and appeal there", Reaction.ALERT),
    48006: ErrorCode("the ten quota resets of this month are used", "wait for the next month", Reaction.GIVE_UP),
    50001: ErrorCode("the user did not authorise this API", AUTHORISE_AGAIN, Reaction.SKIP_ITEM, OAUTH_PAGE),
    50002: ErrorCode(
        "the user is frozen or cancelled their account", "stop using this OpenID; consider erasing the person", Reaction.SKIP_ITEM
    ),
    50005: ErrorCode("the user does not follow the account", "nothing to do: a normal state", Reaction.SKIP_ITEM, USERS_PAGE),
    61003: ErrorCode("the account has not authorised the third-party platform", AUTHORISE_COMPONENT, Reaction.ALERT, COMPONENT_PAGE),
    61004: ErrorCode("the third-party platform's IP address is not registered", ALLOW_ADDRESS, Reaction.ALERT, COMPONENT_PAGE),
    61005: ErrorCode("the verify ticket has expired", "wait for the next push, at most ten minutes", Reaction.GIVE_UP, COMPONENT_PAGE),
    61006: ErrorCode("the verify ticket is invalid", "wait for the next push, at most ten minutes", Reaction.GIVE_UP, COMPONENT_PAGE),
    61007: ErrorCode("the API is not granted to the third-party platform", AUTHORISE_COMPONENT, Reaction.ALERT, COMPONENT_PAGE),
    61009: ErrorCode("the authorisation code is invalid", AUTHORISE_COMPONENT, Reaction.GIVE_UP, COMPONENT_PAGE),
    61010: ErrorCode("the authorisation code has expired", AUTHORISE_COMPONENT, Reaction.GIVE_UP, COMPONENT_PAGE),
    61014: _ours("WeChat wants the component's token here"),
    61015: _ours("WeChat wants the account's token here"),
    61023: ErrorCode("the authorizer's refresh token is invalid", AUTHORISE_COMPONENT, Reaction.ALERT, COMPONENT_PAGE),
    61024: ErrorCode(
        "this AppID belongs to a third-party platform",
        "configure the touchpoint's own AppID and AppSecret",
        Reaction.ALERT,
        PAGE_OF_CREDENTIALS,
    ),
    76021: _ours("the quota was asked for a path that does not exist"),
    76022: _ours("the token belongs to another kind of account"),
    89501: ErrorCode("this IP address is under risk control", WAIT_FOR_ADMINISTRATOR, Reaction.ALERT, PAGE_OF_CREDENTIALS),
    89503: ErrorCode("this IP address waits for the administrator", WAIT_FOR_ADMINISTRATOR, Reaction.ALERT, PAGE_OF_CREDENTIALS),
    89506: ErrorCode("the administrator refused this IP address for 24 hours", WAIT_FOR_ADMINISTRATOR, Reaction.ALERT, PAGE_OF_CREDENTIALS),
    89507: ErrorCode("the administrator refused this IP address for one hour", WAIT_FOR_ADMINISTRATOR, Reaction.ALERT, PAGE_OF_CREDENTIALS),
}

UNDOCUMENTED = ErrorCode(
    "WeChat refused with a code that is not documented here",
    "look the code up in WeChat's documentation; the rid helps their support",
    Reaction.GIVE_UP,
)


def describe(errcode: int) -> ErrorCode:
    """Return what is known about a code; an unknown one is permanent until somebody adds it here."""
    if errcode in range(89501, 89508):
        return ERROR_CODES.get(errcode, ERROR_CODES[89501])
    return ERROR_CODES.get(errcode, UNDOCUMENTED)
