"""The command line: parses and prints, nothing else."""

from gkplan.cli.main import main

__all__ = ["main"]
