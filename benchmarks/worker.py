"""The process of one way: prepare, do the work, say what it took.

`python -m benchmarks.worker MODULE FUNCTION ARGUMENTS`
"""

import importlib
import json
import sys
import time


def main(module: str, function: str, arguments: str) -> None:
    """Print what the work took, without start, imports and preparation, as JSON."""
    work = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    wall, cpu = time.perf_counter(), time.process_time()
    kept = work()  # a result is not thrown away while the clock runs
    figures = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    print(json.dumps(figures))
    del kept


if __name__ == "__main__":
    main(*sys.argv[1:])
