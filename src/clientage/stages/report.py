"""The report, from all tables that are there, and the figures by which runs are compared."""

import ibis

from clientage.context import Run
from clientage.manifest import dumps
from clientage.report.figures import by_number, by_segment, metrics
from clientage.report.page import render
from clientage.tables import TABLES

REPORT = "report.html"
METRICS = "metrics.json"
QUALITY, SEGMENTS = "plots/quality.json", "plots/segments.json"
PAGES = (REPORT, METRICS, QUALITY, SEGMENTS)
NEEDS = ("lines", "customers", "segments", "profiles", "traits")


def report(run: Run) -> None:
    """The page, and its figures for programs, from the tables that are there."""
    tables = {name: run.warehouse.read(name) for name in TABLES if run.warehouse.exists(name)}
    facts = run.manifest.facts()
    facts["tables"] = {name: facts["tables"][name] for name in tables if name in facts["tables"]}
    run.warehouse.write_text(REPORT, render(tables, facts))
    profiles = run.rows(tables["profiles"].order_by(ibis.desc("revenue"), "segment_id"))
    quality = run.rows(tables["quality"].order_by("as_of", "k")) if "quality" in tables else []
    run.warehouse.write_text(METRICS, dumps(metrics(facts["tables"], profiles, quality)))
    run.warehouse.write_text(QUALITY, dumps(by_number(quality)))
    run.warehouse.write_text(SEGMENTS, dumps(by_segment(profiles)))
