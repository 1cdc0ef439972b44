"""What the C library has given out, and what it holds back."""

import ctypes
import gc
import re
from pathlib import Path

NAMES = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
COUNTED = hasattr(ctypes.CDLL(None), "mallinfo2")  # by glibc alone


class Heap(ctypes.Structure):
    """The answer of mallinfo2(3)."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in NAMES)


def _heap():
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = Heap
    gc.collect()
    return ask()


def used():
    """Bytes given out."""
    now = _heap()
    return now.uordblks + now.hblkhd


def unused():
    """Bytes given back, and not to the system."""
    return _heap().fordblks


def resident():
    """Bytes of this process that are in memory."""
    gc.collect()
    return 1024 * int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1])
