"""300 random plans through DICOM and back: ``python -m benchmarks.roundtrip`` in a checkout."""

from __future__ import annotations

import sys
import time

from hypothesis import Phase, given, settings

from tests.dicom.test_random_plans import check_round_trip, random_plans

COUNT = 300


def main() -> None:
    """Print how many came back identical; the first that does not raises."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    start = time.perf_counter()
    thorough = settings(
        max_examples=count, deadline=None, database=None, phases=(Phase.explicit, Phase.generate)
    )
    thorough(given(random_plans())(check_round_trip))()
    print(f"{count} plans came back identical in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
