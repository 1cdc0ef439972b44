"""The emulator of BigQuery, remembering what it parsed: it parses each statement a dozen times, most of its work."""

import sys
from functools import lru_cache

from bqemulator.cli import main
from sqlglot.dialects.dialect import Dialect

parse = Dialect.parse


@lru_cache(maxsize=64)
def parsed(dialect, sql):
    return parse(dialect(), sql)


def remembered(self, sql, **options):
    """Trees of its own for each who asks, as they change them."""
    return parse(self, sql, **options) if options else [tree and tree.copy() for tree in parsed(type(self), sql)]


if __name__ == "__main__":
    Dialect.parse = remembered
    sys.exit(main())
