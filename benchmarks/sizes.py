"""How a whole run grows with the shop: time, processor, memory and disk for ever larger ones, for docs/sizing.md.

`python -m benchmarks.sizes [--most LINES] [--memory MEMORY] [--json FILE]`
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.runner import Way, Work, measure, way
from benchmarks.whole import COMMAND

LINES = "lines.parquet"
A_CUSTOMER = 52  # order lines of one, about
SHOPS = (200, 2_000, 20_000, 200_000, 2_000_000)  # customers
HOURS = 4
FIGURES = Path(__file__).with_name("sizes.json")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure a shop of each size, the smallest first, and write down what each took."""
    parser = argparse.ArgumentParser("python -m benchmarks.sizes", description=__doc__)
    parser.add_argument("--most", type=int, default=100_000_000, help="no shop with many more lines than these")
    parser.add_argument("--memory", default="4GB", help="what DuckDB may hold (default 4GB)")
    parser.add_argument("--json", type=Path, default=FIGURES, help="write the figures to this file")
    asked = parser.parse_args(arguments)
    found: dict[str, Any] = {"machine": machine.describe(), "memory": asked.memory, "runs": []}
    for customers in SHOPS:
        if customers * A_CUSTOMER <= asked.most:
            with tempfile.TemporaryDirectory(prefix="sizes-") as folder:
                found["runs"].append(measured(customers, asked.memory, Path(folder)))
            print(found["runs"][-1], flush=True)
            asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def measured(customers: int, memory: str, folder: Path) -> dict[str, Any]:
    """One shop: what came in, and what a run took of it."""
    measure(way("shop", shop, {"customers": customers}, seconds=3600), folder)
    words = ("run", LINES, "--workspace", "ws", "--set", f"warehouse.memory={memory}")
    took = measure(Way("run", (sys.executable, "-c", COMMAND, *words), whole=True, seconds=HOURS * 3600), folder)
    manifest = json.loads((folder / "ws" / "run.json").read_text(encoding="utf-8"))
    disk = sum(path.stat().st_size for path in (folder / "ws").rglob("*") if path.is_file())
    return {
        "lines": manifest["tables"]["transactions"],
        "customers": manifest["tables"]["customers"],
        "products": manifest["tables"].get("products", 0),
        "wall_s": round(took.wall, 1),
        "cpu_s": round(took.cpu, 1),
        "peak_mb": round(took.peak / 1e6),
        "disk_mb": round(disk / 1e6, 1),
        "stages": {name: cost["seconds"] for name, cost in manifest["stages"].items()},
    }


def shop(customers: int) -> Work:
    """The process that makes up a shop."""
    from clientage.transactions.simulate import simulate  # noqa: PLC0415 - see `runner`

    def work() -> None:
        simulate(customers, out=Path(LINES))
        Path("lines_truth.parquet").unlink()

    return work


if __name__ == "__main__":
    main()
