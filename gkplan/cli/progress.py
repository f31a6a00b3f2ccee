"""What a long command says of its progress, and how it is stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gkplan.errors import StoppedError


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A line on standard error that says what is being done.

    Ctrl-C stops the work at once, or at the latest with the next line: a library may lose the
    exception, for instance in a callback or while it cleans up. Or it makes another one of it,
    as an import that is interrupted does: that counts as Ctrl-C too.
    """
    from rich.console import Console

    console = Console(stderr=True)
    stopped = threading.Event()

    def stop(*_: object) -> None:
        stopped.set()
        raise KeyboardInterrupt

    with console.status("reading the input") as status:

        def report(text: str) -> None:
            if stopped.is_set():
                raise KeyboardInterrupt
            if console.is_terminal:
                status.update(text)
            else:
                console.print(f"  {text}", style="dim")

        if threading.current_thread() is not threading.main_thread():
            yield report
            return
        before = signal.signal(signal.SIGINT, stop)
        try:
            yield report
        except StoppedError:
            raise
        except Exception as error:
            if stopped.is_set():
                raise KeyboardInterrupt from error
            raise
        finally:
            signal.signal(signal.SIGINT, before)
