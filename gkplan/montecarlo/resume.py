"""Work that can be stopped and gone on with: the tally so far, in a file."""

from __future__ import annotations

import io
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gkplan.disclaimer import DISCLAIMER
from gkplan.errors import PlanError
from gkplan.files import write_bytes
from gkplan.montecarlo.problem import Work
from gkplan.montecarlo.run import Tally

_SECONDS_BETWEEN = 15.0


@dataclass(slots=True)
class Kept:
    """Saves a tally now and then, and at the end; without a path it does nothing."""

    path: Path | None
    digest: str
    _saved: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, path: Path | None, work: Work) -> Kept:
        return cls(path, work.digest() if path is not None else "")

    def load(self, shape: tuple[int, ...]) -> Tally:
        """What an earlier run saved, or an empty tally.

        Raises
        ------
        PlanError
            For a file that is none of ours, or that belongs to other work.
        """
        if self.path is None or not self.path.exists():
            return Tally.empty(shape)
        try:
            with np.load(self.path) as stored:
                digest = str(stored["digest"])
                tally = Tally(int(stored["batches"]), stored["total"], stored["squares"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise PlanError(
                f"{self.path}: not a Monte Carlo run of gkplan to resume; name a new file"
            ) from error
        if digest != self.digest:
            raise PlanError(
                f"{self.path}: belongs to another plan, head, grid or setting; expected the run "
                f"of this one: name a new file, or compute what it belongs to"
            )
        return tally

    def save(self, tally: Tally) -> None:
        """Save if some seconds have passed."""
        if time.monotonic() - self._saved > _SECONDS_BETWEEN:
            self.finish(tally)

    def finish(self, tally: Tally) -> None:
        """Save, whole or not at all."""
        if self.path is None:
            return
        buffer = io.BytesIO()
        np.savez(
            buffer,
            digest=self.digest,
            batches=tally.batches,
            total=tally.total,
            squares=tally.squares,
            disclaimer=DISCLAIMER,
        )
        write_bytes(self.path, buffer.getvalue())
        self._saved = time.monotonic()
