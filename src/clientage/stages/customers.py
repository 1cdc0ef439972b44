"""Customers: their features, looking back from a day."""

from datetime import timedelta

from clientage.context import Run
from clientage.customers.features import customer_features
from clientage.errors import InputError
from clientage.transactions import checks


def features(run: Run) -> None:
    """One row per customer, looking back from `as_of`."""
    lines = run.read("lines")
    last = run.rows(lines.agg(last=lines.invoiced_at.max().date()))[0]["last"]
    if last is None:
        raise InputError("no line has a date. Set lines without one aside: --set clean.incomplete=true.")
    if run.settings.as_of is None and (usual := run.rows(checks.usual_last(lines))[0]["usual"]) is not None:
        checks.require_plausible_end(last, usual)
    as_of = run.settings.as_of or last + timedelta(days=1)
    if late := checks.late(as_of, last):
        run.manifest.warn("features", late)
    run.write("customers", customer_features(lines, as_of, run.settings.shop.home_country))
    run.manifest.as_of = as_of
    if not run.manifest.tables["customers"]:
        raise InputError(f"no customer has an order line before {as_of}. Give a later --as-of.")
