"""What was done to a plan's shots by hand, and what they were before: undo and redo."""

from __future__ import annotations

from dataclasses import dataclass

from gkplan.shot import Shot

# Enough for a session; each step is a list of shots in plan.json.
MOST_STEPS = 100

Shots = tuple[Shot, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One edit in words, and the shots on its other side: before it if it can be undone, after
    it if it can be done again."""

    what: str
    shots: Shots


@dataclass(frozen=True, slots=True)
class History:
    """Edits that can be undone (the last one last) and done again (the next one last)."""

    past: tuple[Step, ...] = ()
    future: tuple[Step, ...] = ()

    def after(self, what: str, before: Shots) -> History:
        """The history once an edit has changed the shots `before`; nothing is left to redo."""
        return History((*self.past, Step(what, before))[-MOST_STEPS:])

    def back(self, now: Shots) -> tuple[Shots, History]:
        """The shots before the last edit, and the history there; IndexError without any."""
        last = self.past[-1]
        return last.shots, History(self.past[:-1], (*self.future, Step(last.what, now)))

    def forth(self, now: Shots) -> tuple[Shots, History]:
        """The shots after the edit that was undone last; IndexError without any."""
        following = self.future[-1]
        past = (*self.past, Step(following.what, now))[-MOST_STEPS:]
        return following.shots, History(past, self.future[:-1])
