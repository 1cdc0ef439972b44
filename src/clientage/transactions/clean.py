"""Cleaning: named rules set lines aside, in order; every line that came in is used or set aside, none is lost."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import ibis
import ibis.expr.types as ir

SERVICE_DESCRIPTIONS = ("Next Day Carriage", "High Resolution Image")
LARGEST, LARGEST_AMOUNT = 1e9, 1e11
FIRST, LAST = datetime(1970, 1, 1), datetime(2099, 12, 31, 23, 59, 59)  # noqa: DTZ001 - a shop's own time

ORDER = "_order"
KEY = (ORDER, "_product")
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
    return line.invoiced_at.isnull() | _amount(line).isnull()


def _amount(line: ir.Table) -> ir.FloatingValue:
    """The line total, or quantity × unit price where there is none."""
    product = [line.quantity * line.unit_price] if {"quantity", "unit_price"} <= set(line.columns) else []
    return ibis.coalesce(*([line.total] if "total" in line.columns else []), *product)


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
    return split(transactions, recurring(transactions, rules, services), rules, services)


def with_order(lines: ir.Table) -> ir.Table:
    """Lines with what tells their order, as `_order`: lines of different orders are never the same."""
    return lines.mutate(**{ORDER: _order(lines).fill_null("")})


def recurring(transactions: ir.Table, rules: Collection[str], services: Collection[str]) -> ir.Table | None:
    """The few lines whose order and product occur again, each with the first reason to set it aside, null for none.

    Only these are compared in full, so that the window stays small. Of lines equal but for price the cheapest that has
    a price is kept; lines that tie in price are told apart by all other columns, and what ties in all is
    interchangeable: file order plays no part.

    Args:
        transactions: The table `transactions`.
        rules: Names of the rules that are on.
        services: Product names that are services, not goods.

    Returns:
        Those lines, with what they have in common beside the columns; None where the rule `duplicate` does not apply.
    """
    names = applicable(rules, transactions.columns)
    if "duplicate" not in names:
        return None
    turn = names.index("duplicate")
    before, after = names[:turn], names[turn + 1 :]
    unjudged = transactions.filter(ibis.and_(*(~bad for bad, _ in _found(transactions, before, services))))
    counted = unjudged.group_by(**_order_and_product(unjudged)).agg(n=unjudged.count())
    lines = _keyed(transactions).semi_join(counted.filter(counted.n > 1), KEY)
    lines = lines.mutate(reason=_reason(lines, before, services))
    lines = lines.mutate(
        copy=ibis.row_number().over(group_by=[lines.reason, *_same(lines)], order_by=_cheapest_first(lines))
    )
    later = ibis.ifelse(lines["copy"] > 0, "duplicate", _reason(lines, after, services))
    return lines.mutate(reason=ibis.coalesce(lines.reason, later)).drop("copy").alias("recurring")  # computed once


def split(
    transactions: ir.Table, again: ir.Table | None, rules: Collection[str], services: Collection[str]
) -> dict[str, ir.Table]:
    """The tables `lines` and `rejected`; each scans the lines by itself, so that nothing wide is held in memory.

    Args:
        transactions: The table `transactions`.
        again: What `recurring` found in it.
        rules: Names of the rules that are on.
        services: Product names that are services, not goods.
    """
    names = applicable(rules, transactions.columns)
    alone = transactions
    if again is not None:
        alone = _keyed(transactions).anti_join(again.select(KEY).distinct(), KEY).drop(*KEY)
    found = [bad for bad, _ in _found(alone, names, services)]
    used = alone.filter(ibis.and_(*(~bad for bad in found)))
    aside = alone.filter(ibis.or_(*found))
    aside = aside.mutate(reason=_reason(aside, names, services))
    if again is not None:
        again = again.drop(*KEY)
        used = ibis.union(used, again.filter(again.reason.isnull()).drop("reason"))
        aside = ibis.union(aside, again.filter(again.reason.notnull()))
    return {"lines": _completed(used.drop("unreadable")), "rejected": aside}


def applicable(rules: Collection[str], columns: Collection[str]) -> list[str]:
    """The rules that are on and have the columns they need, in order."""
    return [name for name, rule in RULES.items() if name in rules and set(rule.needs) <= set(columns)]


def _found(line: ir.Table, names: Collection[str], services: Collection[str]) -> list[tuple[ir.BooleanValue, str]]:
    """What each rule finds; a comparison with a missing value finds nothing."""
    rules = [(RULES[name].bad, name) for name in names]
    return [(bad(line, services).fill_null(False), name) for bad, name in rules if bad]


def _reason(line: ir.Table, names: Collection[str], services: Collection[str]) -> ir.StringValue:
    """The first of these rules that sets the line aside; null for none."""
    found = _found(line, names, services)
    return ibis.cases(*found) if found else ibis.null("string")


def _order(line: ir.Table) -> ir.StringValue:
    """The order number, or the time where there is none."""
    time = line.invoiced_at.cast("string")
    return ibis.coalesce(line.invoice, time) if "invoice" in line.columns else time


def _keyed(transactions: ir.Table) -> ir.Table:
    return transactions.mutate(**_order_and_product(transactions))


def _order_and_product(line: ir.Table) -> dict[str, ir.StringValue]:
    """A part of what makes two lines the same: enough to find candidates, and cheaper than all of it."""
    return dict(zip(KEY, (_order(line).fill_null(""), line["product"].fill_null("")), strict=True))


def _same(line: ir.Table) -> list[ir.Value]:
    """What makes two lines the same but for price."""
    names = ("product", "description", "customer_id", "quantity", "total")
    return [_order(line), *(line[name] for name in names if name in line.columns)]


def _cheapest_first(line: ir.Table) -> list[ir.Value]:
    priced = [~(line.unit_price > 0), line.unit_price] if "unit_price" in line.columns else []
    return [*priced, *(line[name] for name in line.drop("reason", *KEY).columns)]


def _completed(used: ir.Table) -> ir.Table:
    """Lines with their amount, whether they take goods back, and an order number (the day) where there is none."""
    day = used.invoiced_at.date().cast("string")
    lines = used.mutate(
        amount=_amount(used),
        invoice=ibis.coalesce(used.invoice, day) if "invoice" in used.columns else day,
    )
    return lines.mutate(cancelled=lines.amount < 0)
