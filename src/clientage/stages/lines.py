"""Order lines: read from a source, and cleaned."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import ibis
import ibis.expr.types as ir
import platformdirs

from clientage.context import Run, rules_in_use
from clientage.customers.features import baskets, missing_features, together
from clientage.errors import InputError
from clientage.forgotten import remembered
from clientage.growth import digest
from clientage.manifest import fingerprint
from clientage.settings import Settings
from clientage.transactions import checks, source
from clientage.transactions.clean import ORDER, RULES, recurring, split, with_order
from clientage.transactions.received import Reading, Received
from clientage.warehouse import Warehouse


def load_source(
    settings: Settings,
    warehouse: Warehouse,
    location: str,
    scratch: Path,
    progress: Callable[[float], None] = lambda share: None,
    former: Reading | None = None,
    hindrance: str = "",
) -> Received:
    """Order lines from a location, as the settings say; see `source.load`.

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
        former=former,
        hindrance=hindrance,
    )


def read(run: Run) -> None:
    """Order lines from the source into the table `transactions`, but for those of forgotten customers."""
    until, forgotten = run.settings.source.until, remembered(run.warehouse.workspace)
    hindrance = run.growth.hindrance(forgotten.digests, until)
    if not (hindrance or run.former):
        hindrance = "a setting, a version or a table is not that of before"
    known = run.growth.reading
    received = load_source(run.settings, run.warehouse, run.location, run.scratch, run.progress, known, hindrance)
    if received.anew:
        run.noted["anew"] = received.anew
    lines, kept_out = received.transactions, 0
    if until:
        lines = checks.before(lines, until)
    if forgotten.digests:
        theirs = forgotten.among(lines.customer_id)
        kept_out = _count(run, lines.filter(theirs))
        lines = lines.filter(~theirs)
    written = (run.grow if received.added else run.write)("transactions", lines)
    transactions = run.read("transactions")
    found = run.rows(checks.facts(transactions))[0]
    cut = _count(run, received.transactions) - kept_out - written if until else 0
    kept_out += run.growth.kept_out if received.added else 0
    if kept_out and not found["lines"]:
        raise InputError(f"all {kept_out:,} order lines are of customers who were forgotten. Give other lines.")
    if until and not found["first"]:
        raise InputError(f"no order line is from before {until}. Give a later source.until.")
    checks.require_readable(found, run.settings.source.max_unreadable, received.reading.spoilt)
    if told := checks.unreadable(received.reading.spoilt):
        run.manifest.warn("read", told)
    run.growth.note(
        received.reading,
        since=run.former["data"] if received.added else "",
        last=found["last"],
        cut=cut,
        kept_out=kept_out,
        forgotten=digest(forgotten.digests),
    )
    run.manifest.data = of_day(received.fingerprint, until) if until else received.fingerprint
    run.manifest.source = {
        "location": source.shown(run.location),
        "files": list(received.files),
        "unreadable": found["unreadable"],
        "understood": received.understood.as_dict(),
        "currency": run.settings.shop.currency or received.currency,
        "shop": run.settings.shop.name or received.name,
        "missing_features": missing_features(tuple(transactions.columns)),
    } | ({"forgotten": kept_out} if forgotten.digests else {})


def _count(run: Run, lines: ir.Table) -> int:
    """How many lines there are."""
    count: int = run.rows(lines.agg(lines=lines.count()))[0]["lines"]
    return count


def of_day(data: str, day: date) -> str:
    """The fingerprint of what there is of some data on the morning of a day."""
    return fingerprint({"data": data, "before": str(day)})


def clean(run: Run) -> None:
    """Lines to use, lines set aside with the counts of every reason, and what the former add up to."""
    if not _take_in(run):
        _clean_all(run)
    run.manifest.source["stock_codes"] = "words" if checks.are_words(*run.growth.codes) else "numbers"
    run.manifest.reasons = reasons(run)
    checks.require_lines(run.manifest.tables["lines"], run.manifest.reasons)
    lines = run.read("lines")
    span = run.rows(lines.agg(first=lines.invoiced_at.min(), last=lines.invoiced_at.max()))[0]
    run.manifest.source |= {name: str(moment) for name, moment in span.items()}
    orders = run.read("baskets")
    days = run.rows(orders.filter(orders.hour_at.notnull()).select(day=orders.hour_at.date()).distinct())
    if missing := checks.missing({row["day"] for row in days}, run.settings.source.until):
        run.manifest.warn("clean", missing)


def _clean_all(run: Run) -> None:
    transactions = run.read("transactions")
    run.growth.codes = _codes(run, transactions)
    for name, table in _cleaned(run, transactions, "recurring").items():
        run.write(name, _in_time(table))
    run.write("baskets", _by_customer(baskets(run.read("lines"))))


def _take_in(run: Run) -> bool:
    """Clean those lines alone that were added; False where that would change what was made of others."""
    if not (grown := run.grown("transactions")):
        return False
    before, added = grown
    first, second = run.growth.codes, _codes(run, added)
    codes = first[0] + second[0], first[1] + second[1]
    if checks.are_words(*codes) != checks.are_words(*first):
        return False
    known = _related(run, before, added)
    come = _cleaned(run, added if known is None else ibis.union(known, added), "recurring")
    if known is not None:
        then = _cleaned(run, known, "recurring-before")
        if any(_count(run, ibis.difference(then[name], come[name], distinct=False)) for name in come):
            return False  # such as a line that is dearer than one that was added
        come = {name: ibis.difference(come[name], then[name], distinct=False) for name in come}
    come = {name: run.warehouse.kept(_in_time(table), f"come-{name}") for name, table in come.items()}
    for name, table in come.items():
        run.grow(name, table)
    _take_in_baskets(run, baskets(come["lines"]))
    run.growth.codes = codes
    return True


def _take_in_baskets(run: Run, new: ir.Table) -> None:
    """Add baskets; where one is of a customer, order and hour that are there already, all are added up anew."""
    former, new = run.read("baskets"), run.warehouse.kept(_by_customer(new), "new-baskets")
    same = [former[name].identical_to(new[name]) for name in ("customer_id", "invoice", "hour_at")]
    if _count(run, former.semi_join(new, same)):
        run.write("baskets", _by_customer(together(former, new)))
    else:
        run.grow("baskets", new)


def _related(run: Run, before: ir.Table, added: ir.Table) -> ir.Table | None:
    """Lines of before that are of one order with an added one; None where there are none, as is usual."""
    before, theirs = with_order(before), with_order(added).select(ORDER).distinct()
    shared = run.warehouse.kept(before.select(ORDER).semi_join(theirs, ORDER).distinct(), "shared")
    if not _count(run, shared):
        return None
    return run.warehouse.kept(before.semi_join(shared, ORDER).drop(ORDER), "related")


def _cleaned(run: Run, transactions: ir.Table, name: str) -> dict[str, ir.Table]:
    """The tables `lines` and `rejected` of order lines; those that recur are kept under a name on the way."""
    words = checks.are_words(*run.growth.codes)
    wanted = rules_in_use(run.settings, words=words), run.settings.clean.service_descriptions
    again = recurring(transactions, *wanted)
    return split(transactions, again if again is None else run.warehouse.kept(again, name), *wanted)


def _codes(run: Run, transactions: ir.Table) -> tuple[int, int]:
    """How many lines have a stock code, and how many one that is a number."""
    if "product" not in transactions.columns:
        return 0, 0
    found = run.rows(checks.codes(transactions))[0]
    return found["codes"], found["numbers"]


def _in_time(lines: ir.Table) -> ir.Table:
    """In an order that is one, so that the same lines give the same bytes whatever the threads did."""
    return lines.order_by(["invoiced_at", *lines.drop("invoiced_at").columns])


def _by_customer(found: ir.Table) -> ir.Table:
    """The same for baskets."""
    return found.order_by(["customer_id", "hour_at", *found.drop("customer_id", "hour_at").columns])


def reasons(run: Run) -> dict[str, int]:
    """Lines set aside by cleaning rule, in the order of the rules."""
    rejected = run.read("rejected")
    counts = rejected.group_by("reason").agg(lines=rejected.count())
    found = {row["reason"]: row["lines"] for row in run.rows(counts)}
    return {name: found[name] for name in RULES if name in found}
