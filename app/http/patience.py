"""Connections for those who read: uvicorn's, but whoever leaves what lasts lying is cut off, from a WebSocket with a code."""

import asyncio
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

PATIENCE = 20.0
"""Seconds that a client may leave what was sent lying, before it is cut off; what lies there is never more than a socket's buffers hold."""
FAREWELL = 10.0
"""Seconds in which it may still read the code."""
TOO_SLOW = 4413
_HANG_UP = "hang_up"


class AbruptHTTP(HttpToolsProtocol):
    """One connection, which the application may end at once: uvicorn itself would wait until all that was sent is taken."""

    def on_message_begin(self) -> None:
        """Hand the means along with each request."""
        super().on_message_begin()
        self.scope["state"][_HANG_UP] = self.transport.abort


def hang_up(scope: Scope) -> None:
    """End the connection that a request came by, whatever still lies there."""
    scope["state"][_HANG_UP]()


class PatientSocket(WebSocketsSansIOProtocol):
    """One connection. Nothing is kept for a slow reader: a subscription reads the next change when this one is taken."""

    async def send(self, message: Any) -> None:  # noqa: ANN401 - whatever ASGI sends
        """Send when there is room. Raises ClientDisconnected when there is none for too long."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self.writable.wait()
        except TimeoutError:
            self._cut_off()
            raise ClientDisconnected from None
        await super().send(message)

    def _cut_off(self) -> None:
        if self.close_sent or self.transport.is_closing():
            return
        self.conn.send_close(TOO_SLOW, "Too slow: go on from your last cursor")
        self.transport.write(b"".join(self.conn.data_to_send()))  # behind what lies there: who reads on after all is told why
        self.close_sent = self.disconnected = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": TOO_SLOW, "reason": ""})
        self.close_timer = self.loop.call_later(FAREWELL, self.transport.abort)
