"""Order lines: read from a source, and cleaned."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import platformdirs

from clientage.context import Run, rules_in_use
from clientage.customers.features import baskets, missing_features
from clientage.errors import InputError
from clientage.forgotten import remembered
from clientage.manifest import fingerprint
from clientage.settings import Settings
from clientage.transactions import checks, source
from clientage.transactions.clean import RULES, recurring, split
from clientage.transactions.received import Received
from clientage.warehouse import Warehouse


def load_source(
    settings: Settings,
    warehouse: Warehouse,
    location: str,
    scratch: Path,
    progress: Callable[[float], None] = lambda share: None,
) -> Received:
    """Order lines from a location, as the settings say.

    Raises:
        InputError: They cannot be used: every problem and its mend.
    """
    wanted = settings.source
    return source.load(
        location,
        warehouse.local,
        columns={name: value for name, value in wanted.columns.model_dump().items() if value},
        date_format=wanted.date_format,
        decimal=wanted.decimal,
        delimiter=wanted.delimiter,
        max_bytes=int(wanted.max_gigabytes * 1e9),
        settle=wanted.settle_seconds,
        scratch=scratch,
        progress=lambda doing, share: progress(share or 0.0),
        cache=platformdirs.user_cache_path("clientage"),
    )


def read(run: Run) -> None:
    """Order lines from the source into the table `transactions`, but for those of forgotten customers."""
    settings = run.settings.source
    forgotten = remembered(run.warehouse.workspace)
    received = load_source(run.settings, run.warehouse, run.location, run.scratch, run.progress)
    lines, kept_out = received.transactions, 0
    if settings.until:
        lines = checks.before(lines, settings.until)
    if forgotten.digests:
        theirs = forgotten.among(lines.customer_id)
        kept_out = run.rows(lines.agg(lines=lines.count(where=theirs)))[0]["lines"]
        lines = lines.filter(~theirs)
    run.write("transactions", lines)
    transactions = run.read("transactions")
    found = run.rows(checks.facts(transactions))[0]
    if kept_out and not found["lines"]:
        raise InputError(f"all {kept_out:,} order lines are of customers who were forgotten. Give other lines.")
    if settings.until and not found["first"]:
        raise InputError(f"no order line is from before {settings.until}. Give a later source.until.")
    checks.require_readable(found, settings.max_unreadable)
    run.manifest.data = of_day(received.fingerprint, settings.until) if settings.until else received.fingerprint
    run.manifest.source = {
        "location": source.shown(run.location),
        "files": list(received.files),
        "unreadable": found["unreadable"],
        "understood": received.understood.as_dict(),
        "currency": run.settings.shop.currency or received.currency,
        "shop": run.settings.shop.name or received.name,
        "missing_features": missing_features(tuple(transactions.columns)),
    } | ({"forgotten": kept_out} if forgotten.digests else {})


def of_day(data: str, day: date) -> str:
    """The fingerprint of what there is of some data on the morning of a day."""
    return fingerprint({"data": data, "before": str(day)})


def clean(run: Run) -> None:
    """Lines to use, lines set aside with the counts of every reason, and what the former add up to."""
    transactions = run.read("transactions")
    words = "product" in transactions.columns and run.rows(checks.numbered(transactions))[0]["numbered"] is False
    run.manifest.source["stock_codes"] = "words" if words else "numbers"
    wanted = rules_in_use(run.settings, words=words), run.settings.clean.service_descriptions
    again = recurring(transactions, *wanted)
    again = again if again is None else run.warehouse.kept(again, "recurring")
    for name, table in split(transactions, again, *wanted).items():
        # in order, so that the same lines give the same bytes whatever the threads did
        run.write(name, table.order_by(["invoiced_at", *table.drop("invoiced_at").columns]))
    lines = run.read("lines")
    found = baskets(lines)
    run.write("baskets", found.order_by(["customer_id", "hour_at", *found.drop("customer_id", "hour_at").columns]))
    run.manifest.reasons = reasons(run)
    checks.require_lines(run.manifest.tables["lines"], run.manifest.reasons)
    span = run.rows(lines.agg(first=lines.invoiced_at.min(), last=lines.invoiced_at.max()))[0]
    run.manifest.source |= {name: str(moment) for name, moment in span.items()}


def reasons(run: Run) -> dict[str, int]:
    """Lines set aside by cleaning rule, in the order of the rules."""
    rejected = run.read("rejected")
    counts = rejected.group_by("reason").agg(lines=rejected.count())
    found = {row["reason"]: row["lines"] for row in run.rows(counts)}
    return {name: found[name] for name in RULES if name in found}
