"""WeChat's refusals as the failures that a caller of the API may expect."""

from __future__ import annotations

from app.wechat.errors import CredentialsMissing, LoginCodeUsed, WeChatError, WeChatUnavailable
from graph.errors import Refused, SimpleError, UserErrorCode, WeChatRefused


def refused_by_wechat(error: WeChatError) -> Refused:
    """The answer to a caller whose request WeChat refused or did not answer. It quotes no identifier, token or code."""
    message = f"{error.meaning[:1].upper()}{error.meaning[1:]}. What to do: {error.remedy}."
    if isinstance(error, CredentialsMissing):
        return Refused(SimpleError(message=message, code=UserErrorCode.INVALID_INPUT, path=["appId"]))
    if isinstance(error, LoginCodeUsed):
        return Refused(SimpleError(message=message, code=UserErrorCode.LOGIN_CODE_USED, path=["code"]))
    if isinstance(error, WeChatUnavailable) or error.errcode is None:
        return Refused(SimpleError(message=message, code=UserErrorCode.WECHAT_UNAVAILABLE))
    return Refused(
        WeChatRefused(
            message=message,
            code=UserErrorCode.WECHAT_REFUSED,
            errcode=error.errcode,
            rid=error.rid,
            is_retryable=error.is_retryable,
        )
    )
