"""Open-source Gamma Knife radiosurgery. For research and education only."""

__version__ = "0.1.0"
