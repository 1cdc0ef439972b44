"""Cleaning: named rules set lines aside, in order; every line that came in is used or set aside, none is lost."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

SERVICE_DESCRIPTIONS = ("Next Day Carriage", "High Resolution Image")
LARGEST, FIRST_YEAR, LAST_YEAR = 1e8, 1970, 2099

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
    numbers = [line[name].cast("float64").abs() for name in ("quantity", "unit_price", "total") if name in line.columns]
    absurd = [number.isnan() | (number > LARGEST) for number in numbers]
    return ibis.or_(*absurd, ~line.invoiced_at.year().between(FIRST_YEAR, LAST_YEAR))


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
        "a stock code with fewer than two digits, such as POST",
        ("product",),
        lambda line, _: ~line.product.re_search("[0-9][^0-9]*[0-9]"),
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
    applied = {name: RULES[name] for name in applicable(rules, transactions.columns)}
    names = list(applied)
    compared = "duplicate" in names
    turn = names.index("duplicate") if compared else len(names)
    judged = transactions.mutate(
        before=_first_reason(transactions, {name: applied[name] for name in names[:turn]}, services),
        after=_first_reason(transactions, {name: applied[name] for name in names[turn + 1 :]}, services),
    )
    judged = _judge_duplicates(judged) if compared else judged.mutate(reason=judged.before)
    used = judged.filter(judged.reason.isnull()).drop("before", "after", "reason", "unreadable")
    return {
        "lines": _completed(used),
        "rejected": judged.filter(judged.reason.notnull()).drop("before", "after"),
    }


def applicable(rules: Collection[str], columns: Collection[str]) -> list[str]:
    """The rules that are on and have the columns they need, in order."""
    return [name for name, rule in RULES.items() if name in rules and set(rule.needs) <= set(columns)]


def _first_reason(line: ir.Table, rules: Mapping[str, Rule], services: Collection[str]) -> ir.StringValue:
    found = [(rule.bad(line, services), name) for name, rule in rules.items() if rule.bad]
    return ibis.cases(*found) if found else ibis.null("string")


def _judge_duplicates(judged: ir.Table) -> ir.Table:
    """Of lines that no earlier rule set aside and that are equal but for price, keep the cheapest with a price.

    Only lines whose hashed key occurs again are compared in full, so that the window stays small. Lines that tie in
    price are told apart by all other columns; what ties in all is interchangeable: file order plays no part.
    """
    key = _duplicate_key(judged.columns)
    # a part of the key is enough to find candidates, and cheaper than all of it
    parts = [judged[name].cast("string").fill_null("") for name in key if name not in ("description", "quantity")]
    hashed = judged.mutate(hashed=ibis.literal("|").join(parts).hash())
    open_, closed = hashed.filter(hashed.before.isnull()), hashed.filter(hashed.before.notnull())
    counted = open_.group_by("hashed").agg(n=open_.count())
    again = counted.filter(counted.n > 1).select("hashed")
    alone = open_.anti_join(again, "hashed")
    return ibis.union(
        closed.mutate(reason=closed.before).drop("hashed"),
        alone.mutate(reason=alone.after).drop("hashed"),
        _ranked(open_.semi_join(again, "hashed").drop("hashed"), key),
    )


def _ranked(again: ir.Table, key: list[str]) -> ir.Table:
    priced = [~(again.unit_price > 0), again.unit_price] if "unit_price" in again.columns else []
    rank = ibis.row_number().over(group_by=key, order_by=[*priced, *(again[name] for name in again.columns)])
    ranked = again.mutate(copy=rank)
    ranked = ranked.mutate(reason=ibis.ifelse(ranked["copy"] > 0, "duplicate", ranked.after))
    return ranked.drop("copy")


def _duplicate_key(columns: Collection[str]) -> list[str]:
    """What makes two lines the same; without order numbers, also the time."""
    key = ("invoice", "product", "description", "customer_id", "quantity", "total")
    return [name for name in key if name in columns] + ([] if "invoice" in columns else ["invoiced_at"])


def _completed(used: ir.Table) -> ir.Table:
    """Lines with their amount, whether they take goods back, and an order number (the day) where there is none."""
    amount = used.total if "total" in used.columns else used.quantity * used.unit_price
    lines = used.mutate(amount=amount)
    lines = lines.mutate(cancelled=lines.amount < 0)
    return lines if "invoice" in lines.columns else lines.mutate(invoice=lines.invoiced_at.date().cast("string"))
