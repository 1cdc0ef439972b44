"""What all tests share: engines, the public data set, small shops."""

from pathlib import Path

import ibis
import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def engine():
    """A DuckDB of its own."""
    return ibis.duckdb.connect()


@pytest.fixture(scope="session")
def real():
    """The public data set (Parquet), where it lies beside the checkout."""
    path = SHARED / "data" / "online_retail.parquet"
    if not path.exists():
        pytest.skip(f"the public data set is not at {path}")
    return path
