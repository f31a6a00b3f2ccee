"""The command line: parses and prints, nothing else."""

from gkplan.cli.app import main

__all__ = ["main"]
