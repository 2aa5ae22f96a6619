"""Content negotiation: which media type an answer gets by `Accept`, and whether a request's `Content-Type` can be read. Pure."""

from dataclasses import dataclass

from app.http.answers import JSON, Problem

GRAPHQL_JSON = "application/graphql-response+json"
HTML = "text/html"
EVENT_STREAM = "text/event-stream"
UTF_8 = {"utf-8", "utf8"}


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One entry of `Accept`."""

    name: str
    quality: float
    is_utf_8: bool

    def covers(self, media_type: str) -> bool:
        """Whether it accepts this type."""
        return self.name in {media_type, "*/*", media_type.partition("/")[0] + "/*"}

    @property
    def precision(self) -> int:
        """A named type counts more than a range, a range more than anything at all."""
        return 2 - self.name.count("*")


def answer_type(accept: str | None, *, is_page_possible: bool = False) -> str:
    """The media type to answer in; HTML and events only where they are asked for by name and liked best. Raises Problem (406)."""
    if accept is None or not accept.strip():
        return JSON
    ranges = [_media_range(part) for part in accept.split(",") if part.strip()]
    # JSON stands first: clients that accept anything get what every one of them reads.
    offered = [JSON, GRAPHQL_JSON]
    quality = {media_type: _quality(ranges, media_type) for media_type in offered}
    if is_page_possible and any(one.name == HTML and one.quality > max(quality.values()) for one in ranges):
        return HTML
    # Some clients name it beside JSON although they cannot read it in answer to a query.
    if _named(ranges, EVENT_STREAM) and _quality(ranges, EVENT_STREAM) > max(quality.values()):
        return EVENT_STREAM
    if _named(ranges, GRAPHQL_JSON) and quality[GRAPHQL_JSON] >= quality[JSON]:
        return GRAPHQL_JSON
    best = max(offered, key=lambda media_type: quality[media_type])
    if quality[best] > 0:
        return best
    if is_page_possible and any(one.name == HTML and one.quality > 0 for one in ranges):
        return HTML
    raise Problem(406, "NOT_ACCEPTABLE", f"Answers come as {GRAPHQL_JSON} or {JSON}, in UTF-8: accept one of them.")


def check_content_type(content_type: str | None) -> None:
    """A request's body is JSON in UTF-8. Raises Problem (415)."""
    name, parameters = _split(content_type or "")
    if name != JSON or parameters.get("charset", "utf-8") not in UTF_8:
        raise Problem(
            415, "UNSUPPORTED_MEDIA_TYPE", f"Send the request as JSON in UTF-8, with the header Content-Type: {JSON}.", {"Accept": JSON}
        )


def _quality(ranges: list[MediaRange], media_type: str) -> float:
    covering = [one for one in ranges if one.is_utf_8 and one.covers(media_type)]
    return max(covering, key=lambda one: one.precision).quality if covering else 0.0


def _named(ranges: list[MediaRange], media_type: str) -> bool:
    return any(one.name == media_type and one.is_utf_8 and one.quality > 0 for one in ranges)


def _media_range(part: str) -> MediaRange:
    name, parameters = _split(part)
    try:
        quality = float(parameters.get("q", "1"))
    except ValueError:
        quality = 0.0
    return MediaRange(name, quality, parameters.get("charset", "utf-8") in UTF_8)


def _split(text: str) -> tuple[str, dict[str, str]]:
    name, *rest = (part.strip() for part in text.split(";"))
    pairs = (part.partition("=") for part in rest)
    return name.lower(), {key.strip().lower(): value.strip().strip('"').lower() for key, _, value in pairs}
