"""Clientage against the plain way: how much time and memory each takes for the same work, in the same run.

`python -m benchmarks` measures; every way of doing something runs in a process of its own, in turns (A B A B …).
"""
