"""Blocks of rows side by side: NumPy and SciPy compute outside the interpreter, so threads use the cores there are."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

BLOCK = 256  # rows at a time
THREADS = min(os.cpu_count() or 1, 4)  # more would only take more memory


def in_blocks(compute: Callable[[slice], Result], rows: int) -> Iterator[Result]:
    """What each block of rows comes to, in order; only a few are computed ahead, so that memory stays bounded.

    Args:
        compute: From a block of rows; the same for any number of threads.
        rows: How many rows there are.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        ahead: deque[Future[Result]] = deque()
        for start in range(0, rows, BLOCK):
            ahead.append(pool.submit(compute, slice(start, min(start + BLOCK, rows))))
            if len(ahead) > THREADS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
