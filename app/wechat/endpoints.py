"""The calls of WeChat's API that this product makes, as data: path, method, what each spends and how long it may take."""

from dataclasses import dataclass
from typing import Literal

# Suggested by experience, prescribed by nobody; a page of 10,000 followers takes longer to write than a login.
READ_TIMEOUT = 5.0
READ_TIMEOUT_FOLLOWERS = 10.0
CONNECT_TIMEOUT = 3.0
TOTAL_TIMEOUT = 15.0

# "批量获取用户基本信息" allows 100 OpenIDs a call.
LARGEST_BATCH = 100


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call. `spends_code`: its code works once, so a lost answer cannot be asked for again."""

    method: Literal["GET", "POST"]
    path: str
    spends_code: bool = False
    sends_secret: bool = False
    read_timeout: float = READ_TIMEOUT


STABLE_TOKEN = Endpoint("POST", "/cgi-bin/stable_token", sends_secret=True)
CODE_TO_SESSION = Endpoint("GET", "/sns/jscode2session", spends_code=True, sends_secret=True)
OAUTH_TOKEN = Endpoint("GET", "/sns/oauth2/access_token", spends_code=True, sends_secret=True)
OAUTH_USER_INFO = Endpoint("GET", "/sns/userinfo")
FOLLOWERS = Endpoint("GET", "/cgi-bin/user/get", read_timeout=READ_TIMEOUT_FOLLOWERS)
USER_INFO = Endpoint("GET", "/cgi-bin/user/info")
USER_INFO_BATCH = Endpoint("POST", "/cgi-bin/user/info/batchget")
