"""What a long command says of its progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A line on standard error that says what is being done."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("reading the input") as status:
        yield (
            lambda text: (
                status.update(text)
                if console.is_terminal
                else console.print(f"  {text}", style="dim")
            )
        )
