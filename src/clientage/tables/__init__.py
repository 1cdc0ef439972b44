"""Every named table: one row per what, columns, types, units, keys, and how a violation reads.

This is the contract between the stages. A stage knows these tables and nothing of the code that made them.
"""

from clientage.tables.checks import SPECS, arrow_schema, check
from clientage.tables.run import RECEIVED, SEGMENT, TABLES
from clientage.tables.spec import Column, TableSpec
from clientage.tables.watched import PREDICTIONS, WATCHED

__all__ = [
    "PREDICTIONS",
    "RECEIVED",
    "SEGMENT",
    "SPECS",
    "TABLES",
    "WATCHED",
    "Column",
    "TableSpec",
    "arrow_schema",
    "check",
]
