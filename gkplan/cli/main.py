"""The one place where errors become a sentence and an exit code."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gkplan.cli import (  # noqa: F401 (each adds itself to the app)
    bed,
    bench,
    bench_plans,
    check,
    commands,
    commission,
    compare,
    export,
    inspect,
    localise,
    pareto,
    phantom_dicom,
    phantoms,
    polish,
    profiles,
    register,
    robustness,
    shots,
)
from gkplan.cli.app import app
from gkplan.errors import GkplanError, GkplanWarning, StoppedError

BAD_INPUT, INTERRUPTED = 2, 130


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; exit code 0, 2 for bad input, 130 for Ctrl-C."""
    try:
        with _warnings_as_sentences():
            code = app(list(args) if args is not None else None, standalone_mode=False)
    except StoppedError as stop:
        sys.stderr.write(f"gkplan: stopped; {stop}\n")
        return INTERRUPTED
    except GkplanError as error:
        sys.stderr.write(f"gkplan: {error}\n")
        return BAD_INPUT
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        # typer's own complaints about the command line (typer may bundle its click).
        if type(error).__name__ == "Abort":
            code = INTERRUPTED
        elif hasattr(error, "format_message"):
            sys.stderr.write(f"gkplan: {error.format_message()}; see gkplan --help\n")
            return BAD_INPUT
        else:
            raise
    if code == INTERRUPTED:
        sys.stderr.write("gkplan: stopped; nothing was written\n")
    return code if isinstance(code, int) else 0


@contextmanager
def _warnings_as_sentences() -> Iterator[None]:
    """Show a warning about the user's data once, without the place in our code."""
    shown: set[str] = set()
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message, category, *rest, **more):  # type: ignore[no-untyped-def]
            if not issubclass(category, GkplanWarning):
                usual(message, category, *rest, **more)
            elif str(message) not in shown:
                shown.add(str(message))
                sys.stderr.write(f"gkplan: warning: {message}\n")

        warnings.showwarning = show
        yield
