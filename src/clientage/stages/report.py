"""The report, from all tables that are there."""

from clientage.context import Run
from clientage.report.page import render
from clientage.tables import TABLES

REPORT = "report.html"
NEEDS = ("lines", "customers", "segments", "profiles", "traits")


def report(run: Run) -> None:
    """The page, from the tables that are there."""
    tables = {name: run.warehouse.read(name) for name in TABLES if run.warehouse.exists(name)}
    facts = run.manifest.facts()
    facts["tables"] = {name: facts["tables"][name] for name in tables if name in facts["tables"]}
    run.warehouse.write_text(REPORT, render(tables, facts))
