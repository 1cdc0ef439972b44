"""How names and addresses are written: the same for settings, and for whoever goes there."""

import re

PROJECT = r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"
"""Id of a project, with the domain before it where the project belongs to one."""

BUCKET = r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"
"""Name of a bucket."""

BUCKETS = "A bucket's name has 3 to 222 small letters, digits, dots, - and _"
"""The same in words."""

FOLDER = rf"gs://(?P<bucket>{BUCKET})(?P<path>(?:/(?!\.\.?(?:/|$))[^/\r\n#?*\[\]]+)*)"
"""A bucket, or a folder in one: without what tools take for a pattern, a query or the folder above."""

_MASTER = r"(?:[\w.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?"

HERE = r"local(?:\[(?:\*|[1-9]\d*)\])?"
"""Spark on this machine, with some cores or all of them."""

SPARK = rf"{HERE}|spark://{_MASTER}(?:,{_MASTER})*"
"""The same, or a cluster by its master, or by several that stand in for one another."""


def is_spark(url: str) -> bool:
    """Whether an address of a warehouse is one of Spark."""
    return bool(re.fullmatch(SPARK, url))
