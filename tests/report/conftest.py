"""A small shop and what is said of its run."""

import copy

import ibis
import pytest
import report_tables


@pytest.fixture
def shop():
    """Its tables, as Arrow."""
    return report_tables.shop()


@pytest.fixture(scope="session")
def _expressions():
    return report_tables.expressions(report_tables.shop(), ibis.duckdb.connect())


@pytest.fixture
def tables(_expressions):
    """Its tables, as expressions."""
    return dict(_expressions)


@pytest.fixture
def facts():
    """What is said of its run."""
    return copy.deepcopy(report_tables.FACTS)
