"""The one sentence that goes with every result."""

DISCLAIMER = "For research and education only, not for treating patients."
