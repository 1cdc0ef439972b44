"""Cleaning: named rules set lines aside, in order; every line that came in is used or set aside, none is lost."""

import functools
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import ibis
import ibis.expr.types as ir

SERVICE_DESCRIPTIONS = ("Next Day Carriage", "High Resolution Image")
LARGEST, LARGEST_AMOUNT = 1e9, 1e11
FIRST, LAST = datetime(1970, 1, 1), datetime(2099, 12, 31, 23, 59, 59)  # noqa: DTZ001 - a shop's own time

TWO_DIGITS = "[0-9][^0-9]*[0-9]"

Predicate = Callable[[ir.Table, Collection[str]], ir.BooleanValue]


@dataclass(frozen=True)
class Rule:
    """Why a line is set aside.

    Attributes:
        meaning: What the rule finds, for documentation and report.
        needs: Columns without which it does not apply.
        bad: True for a line to set aside, given the lines and the product names that are services; None for
            `duplicate`, which compares lines.
    """

    meaning: str
    needs: tuple[str, ...] = ()
    bad: Predicate | None = None


def _impossible(line: ir.Table, _: Collection[str]) -> ir.BooleanValue:
    number = {name: line[name].cast("float64") for name in ("quantity", "unit_price", "total") if name in line.columns}
    limits = [(value, LARGEST_AMOUNT if name == "total" else LARGEST) for name, value in number.items()]
    if "quantity" in number and "unit_price" in number:
        limits.append((number["quantity"] * number["unit_price"], LARGEST_AMOUNT))
    # what is not a number is not below any limit, on any engine
    absurd = [~(value.abs() <= limit) for value, limit in limits]
    return ibis.or_(*absurd, ~line.invoiced_at.between(FIRST, LAST))


def _incomplete(line: ir.Table, _: Collection[str]) -> ir.BooleanValue:
    needed = ["invoiced_at", *(["total"] if "total" in line.columns else ["quantity", "unit_price"])]
    return ibis.or_(*(line[name].isnull() for name in needed))


RULES: Mapping[str, Rule] = {
    "unreadable": Rule("a value that could not be read", (), lambda line, _: line.unreadable.notnull()),
    "incomplete": Rule("no date, quantity or price", (), _incomplete),
    "impossible value": Rule("an infinite or absurd number, or a date outside 1970 to 2099", (), _impossible),
    "no customer": Rule("no customer", (), lambda line, _: line.customer_id.isnull()),
    "no description": Rule("no product name", ("description",), lambda line, _: line.description.isnull()),
    "duplicate": Rule("the same line again; of equal lines the cheapest that has a price is kept", ("product",)),
    "service code": Rule(
        "a stock code with fewer than two digits, such as POST, where most codes of the shop have more",
        ("product",),
        lambda line, _: ~line.product.re_search(TWO_DIGITS),
    ),
    "service description": Rule(
        "a product name that is a service",
        ("description",),
        lambda line, services: line.description.isin(list(services)),
    ),
    "no price": Rule("a unit price that is not above zero", ("unit_price",), lambda line, _: ~(line.unit_price > 0)),
}


def clean(
    transactions: ir.Table, rules: Collection[str] = tuple(RULES), services: Collection[str] = SERVICE_DESCRIPTIONS
) -> dict[str, ir.Table]:
    """Split order lines into those to use and those set aside, with the first reason.

    Args:
        transactions: The table `transactions`.
        rules: Names of the rules that are on; their order is that of `RULES`.
        services: Product names that are services, not goods.

    Returns:
        The tables `lines` and `rejected`. Together they hold every row that came in, once.
    """
    names = applicable(rules, transactions.columns)
    turn = names.index("duplicate") if "duplicate" in names else len(names)
    before, after = _Judge(names[:turn], services), _Judge(names[turn + 1 :], services)
    every = transactions
    used = every.filter(before.passes(every), after.passes(every))
    closed = every.filter(~before.passes(every)).mutate(reason=before.reason(every))
    failed = every.filter(before.passes(every), ~after.passes(every)).mutate(reason=after.reason(every))
    rejected = [closed, failed]
    if "duplicate" in names:
        again, ranked = _compared(every, before, after)
        used = ibis.union(_alone(used, again), ranked.filter(ranked.reason.isnull()).drop("reason"))
        rejected = [closed, _alone(failed, again), ranked.filter(ranked.reason.notnull())]
    return {"lines": _completed(used.drop("unreadable")), "rejected": ibis.union(*rejected)}


def applicable(rules: Collection[str], columns: Collection[str]) -> list[str]:
    """The rules that are on and have the columns they need, in order."""
    return [name for name, rule in RULES.items() if name in rules and set(rule.needs) <= set(columns)]


@dataclass(frozen=True)
class _Judge:
    """Some rules, in order."""

    names: Collection[str]
    services: Collection[str]

    def _found(self, line: ir.Table) -> list[tuple[ir.BooleanValue, str]]:
        # a comparison with a missing value finds nothing
        rules = [(RULES[name].bad, name) for name in self.names]
        return [(bad(line, self.services).fill_null(False), name) for bad, name in rules if bad]

    def passes(self, line: ir.Table) -> ir.BooleanValue:
        """Whether no rule sets the line aside."""
        return ~ibis.or_(ibis.literal(False), *(bad for bad, _ in self._found(line)))

    def reason(self, line: ir.Table) -> ir.StringValue:
        """The first rule that sets the line aside; null for none."""
        found = self._found(line)
        return ibis.cases(*found) if found else ibis.null("string")


def _compared(every: ir.Table, before: _Judge, after: _Judge) -> tuple[ir.Table, ir.Table]:
    """Of lines equal but for price, find the cheapest with a price.

    Only lines whose hashed key occurs again are compared in full, so that the window stays small; each branch scans the
    lines by itself, so that nothing wide is held in memory. Lines that tie in price are told apart by all other
    columns; what ties in all is interchangeable: file order plays no part.

    Returns:
        The hashes that occur again, and their lines with the reason that they are set aside for, if any.
    """
    hashes = every.filter(before.passes(every)).select(hashed=_hash(every))
    counted = hashes.group_by("hashed").agg(n=hashes.count())
    again = counted.filter(counted.n > 1).select("hashed")
    lines = every.filter(before.passes(every)).mutate(hashed=_hash(every)).semi_join(again, "hashed").drop("hashed")
    priced = [~(lines.unit_price > 0), lines.unit_price] if "unit_price" in lines.columns else []
    key = list(_duplicate_key(lines).values())
    copy = ibis.row_number().over(group_by=key, order_by=[*priced, *(lines[name] for name in lines.columns)])
    lines = lines.mutate(copy=copy)
    reason = ibis.ifelse(lines["copy"] > 0, "duplicate", after.reason(lines))
    return again, lines.mutate(reason=reason).drop("copy")


def _alone(lines: ir.Table, again: ir.Table) -> ir.Table:
    """The lines whose hashed key occurs once."""
    return lines.mutate(hashed=_hash(lines)).anti_join(again, "hashed").drop("hashed")


def _hash(lines: ir.Table) -> ir.IntegerValue:
    """A part of the key that makes two lines the same: enough to find candidates, and cheaper than all of it."""
    key = _duplicate_key(lines)
    parts = [key[name] for name in ("order", "product", "customer_id") if name in key]
    hashed = [part.cast("string").fill_null("").hash() for part in parts]
    return functools.reduce(operator.xor, hashed)


def _duplicate_key(lines: ir.Table) -> dict[str, ir.Value]:
    """What makes two lines the same but for price; where there is no order number, the time stands in for it."""
    names = ("product", "description", "customer_id", "quantity", "total")
    time = lines.invoiced_at.cast("string")
    order = ibis.coalesce(lines.invoice, time) if "invoice" in lines.columns else time
    return {"order": order} | {name: lines[name] for name in names if name in lines.columns}


def _completed(used: ir.Table) -> ir.Table:
    """Lines with their amount, whether they take goods back, and an order number (the day) where there is none."""
    day = used.invoiced_at.date().cast("string")
    lines = used.mutate(
        amount=used.total if "total" in used.columns else used.quantity * used.unit_price,
        invoice=ibis.coalesce(used.invoice, day) if "invoice" in used.columns else day,
    )
    return lines.mutate(cancelled=lines.amount < 0)
