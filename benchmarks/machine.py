"""What the figures were measured on; nothing that tells whose machine it is."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = (
    "clientage", "duckdb", "ibis-framework", "numpy", "pyarrow", "fastexcel", "pandas", "openpyxl", "polars",
    "scikit-learn", "flask", "gunicorn",
)  # fmt: skip


def describe() -> dict[str, Any]:
    """Processor, cores, memory, Python and libraries."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def _cpu() -> str:
    """The processor's model."""
    known = Path("/proc/cpuinfo")
    names = known.read_text(encoding="utf-8").splitlines() if known.exists() else []
    found = [line.partition(":")[2].strip() for line in names if line.startswith("model name")]
    return found[0] if found else platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
