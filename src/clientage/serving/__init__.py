"""Answers for other programs: segments of customers on request, and the log of what was predicted."""
