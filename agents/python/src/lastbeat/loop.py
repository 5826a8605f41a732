"""Waiting in an event loop for what another thread does."""

from __future__ import annotations

import contextlib
import threading

from .threads import spawn

# Where there is no thread to wait on, it is looked for the event that often.
_LOOK_SECONDS = 0.05


async def come(event: threading.Event) -> None:
    """Waits for an event. The loop's own executor is not used: it may be full, and the end of the loop waits for it."""
    import asyncio

    loop = asyncio.get_running_loop()
    seen = asyncio.Event()

    def tell() -> None:
        event.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(seen.set)

    if spawn("lastbeat-wait", tell):
        await seen.wait()
    while not event.is_set():
        await asyncio.sleep(_LOOK_SECONDS)
