"""Tests run side by side, one worker a core: linear algebra on all of them would be slower.

Some press Ctrl-C, which a shell turns off for what it runs in the background.
"""

import os
import signal

# Read when numpy is imported, which is after this.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
signal.signal(signal.SIGINT, signal.default_int_handler)
