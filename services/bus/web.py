"""A process as its supervisor and its visitors see it: it ends when asked, and its pages end last.

Apart from `wiring`, so that a process without a broker does not load a broker's client.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator, Sequence

import uvicorn


def stop_on_signals(stop: asyncio.Event) -> None:
    """SIGTERM and SIGINT ask for an orderly end."""
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)


class WebServer(uvicorn.Server):
    """Leaves signals to the process: the web is closed last, so that whoever watches sees it stop.

    A server waits for the answers under way; `on_stop` ends those that have no end of their own.
    """

    def __init__(self, config: uvicorn.Config, on_stop: Sequence[Callable[[], None]] = ()) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for end in self._on_stop:
            end()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
