"""scripts/measure_strategy.py with a short time limit, and a lock of its own so that several can run at once.

Arguments: that script's path, the limit in seconds, the lock's path, then what measure_strategy.py takes.
"""

from __future__ import annotations

import runpy
import sys
from functools import partial
from pathlib import Path


def main() -> None:
    script, limit, lock, *rest = sys.argv[1:]
    sys.path.insert(0, str(Path(script).parent))
    from handoff.measure import job, places, supervisor

    supervisor.time_limit = lambda *_: float(limit)
    job.machine_lock = partial(places.machine_lock, Path(lock))  # type: ignore[assignment]
    sys.argv = [script, *rest]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
