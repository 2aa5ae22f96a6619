"""Server-sent events, as graphql-sse has them in its distinct connections mode: one operation a request, its results as events."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.following import Leaving
from app.http import patience
from app.http.answers import dump, result_body
from app.http.negotiation import EVENT_STREAM

PING = 15.0
"""Seconds of silence after which a comment is sent, by which both sides notice that the other is gone."""
HEADERS = {
    "Cache-Control": "private, no-store, no-transform",
    "X-Accel-Buffering": "no",  # what stands in front shall pass events on at once
}

Results = AsyncGenerator[Any, None]
"""Of what executing an operation gives: one result, or one after another."""


def event_stream(results: Results, cursor: Callable[[], str | None]) -> StreamingResponse:
    """The answer. Each event's id is the cursor after it, which a browser hands back by itself as `Last-Event-ID`."""
    return PatientStream(_events(results, cursor), headers=HEADERS, media_type=EVENT_STREAM)


class PatientStream(StreamingResponse):
    """A stream that waits for its reader, and not for ever: who is cut off goes on from their last event."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; whoever went away, or takes nothing any more, is let go."""

        async def patient(message: Any) -> None:  # noqa: ANN401 - whatever ASGI sends
            try:
                async with asyncio.timeout(patience.PATIENCE):
                    await send(message)
            except TimeoutError:
                patience.hang_up(scope)
                await leaves  # to return before they are gone would be an answer cut short, which uvicorn logs

        leaves = asyncio.ensure_future(self.listen_for_disconnect(receive))
        sends = asyncio.ensure_future(self.stream_response(patient))
        try:
            await asyncio.wait({leaves, sends}, return_when=asyncio.FIRST_COMPLETED)
            if sends.done():
                sends.result()
        finally:
            for task in (leaves, sends):
                task.cancel()
            await asyncio.gather(leaves, sends, return_exceptions=True)


async def _events(results: Results, cursor: Callable[[], str | None]) -> AsyncIterator[bytes]:
    """Each result as `next`, then `complete`; comments in between. Where the process is stopped there is no `complete`."""
    yield b":\n\n"  # the head goes out at once
    async with aclosing(results):
        while True:
            upcoming = asyncio.ensure_future(anext(results))
            try:
                while not (await asyncio.wait({upcoming}, timeout=PING))[0]:
                    yield b":\n\n"
                result = await upcoming
            except StopAsyncIteration:
                break
            except Leaving:
                return
            finally:
                if not upcoming.done():
                    upcoming.cancel()
                    await asyncio.gather(upcoming, return_exceptions=True)
            at = cursor()
            yield b"event: next\n" + (b"id: " + at.encode() + b"\n" if at else b"") + b"data: " + dump(result_body(result)[0]) + b"\n\n"
    yield b"event: complete\ndata:\n\n"
