"""What order lines say of a window: how much was ordered, what, by whom from where, and what was missing."""

import ibis
import ibis.expr.types as ir

from clientage.expressions import MILLIONTHS, millionths, total
from clientage.monitoring.windows import Windows
from clientage.tables import RECEIVED

OFTEN_EMPTY = tuple(name for name, column in RECEIVED.items() if name not in ("unreadable", "total"))


def within(lines: ir.Table, windows: Windows, numbers: range) -> ir.Table:
    """The lines of some windows, with the number of theirs as `window`.

    Args:
        lines: The table `lines`, `transactions` or `rejected`.
        windows: How time is divided.
        numbers: Which of them.
    """
    first, end = (ibis.timestamp(str(windows.first(number))) for number in (numbers.start, numbers.stop))
    there = lines.filter(lines.invoiced_at >= first, lines.invoiced_at < end)
    return there.mutate(window=windows.number(there.invoiced_at))


def orders(lines: ir.Table) -> ir.Table:
    """Figures of every window: how many orders, customers and lines, and how large orders are.

    Args:
        lines: The lines of windows, see `within`.
    """
    keys = ["window", "customer_id", "invoice", "cancelled"]
    logs = _log(lines.quantity) if "quantity" in lines.columns else None
    units = {} if logs is None else {"units": logs.sum(), "counted": logs.count()}
    each = lines.group_by(*keys).agg(lines=lines.count(), amount=millionths(lines.amount).sum(), **units)
    completed, value = ~each.cancelled, each.amount.cast("float64") / MILLIONTHS
    figures = {
        "lines": each.lines.sum(),
        "orders": each.invoice.count(where=completed),
        "customers": each.customer_id.nunique(where=completed),
        "revenue": total(each.amount),
        "order value": _typical(_log(value), completed),
        "lines per order": _typical(_log(each.lines), completed),
        "returned": each.lines.sum(where=each.cancelled).fill_null(0) / each.lines.sum().cast("float64"),
    }
    if units:
        figures["units per line"] = (total(each.units, completed) / each.counted.sum(where=completed)).exp()
    return each.group_by("window").agg(**figures).order_by("window")


def products(lines: ir.Table) -> ir.Table:
    """Completed lines of every product in every window: window, category, count, and the logarithms of prices.

    With prices, `priced` is how many lines have one, and `price` the sum of their logarithms.
    """
    sold = lines.filter(~lines.cancelled)
    logs = _log(sold.unit_price) if "unit_price" in sold.columns else None
    prices = {} if logs is None else {"priced": logs.count(), "price": total(logs)}
    found = sold.group_by("window", category=sold["product"].fill_null("")).agg(count=sold.count(), **prices)
    return found.order_by("window", "category")


def countries(lines: ir.Table) -> ir.Table:
    """Completed orders from every country in every window: window, category and count."""
    sold = lines.filter(~lines.cancelled)
    found = sold.group_by("window", category=sold.country.fill_null("")).agg(count=sold.invoice.nunique())
    return found.order_by("window", "category")


def empty(transactions: ir.Table) -> ir.Table:
    """Of the lines received in every window, how many, and the share that lacks a value, by column."""
    columns = [name for name in OFTEN_EMPTY if name in transactions.columns and name != "invoiced_at"]
    shares = {name: transactions[name].isnull().cast("float64").mean() for name in columns}
    return transactions.group_by("window").agg(received=transactions.count(), **shares).order_by("window")


def set_aside(rejected: ir.Table) -> ir.Table:
    """Lines that were not used, by window and reason: window, category and count."""
    found = rejected.group_by("window", category=rejected.reason).agg(count=rejected.count())
    return found.order_by("window", "category")


def _log(value: ir.NumericValue) -> ir.IntegerColumn:
    """Natural logarithm of what is above zero, in millionths, so that sums are exact; nothing of all else."""
    number = value.cast("float64")
    return millionths(ibis.ifelse(number > 0, number, ibis.null("float64")).ln())


def _typical(logs: ir.IntegerColumn, where: ir.BooleanValue) -> ir.FloatingScalar:
    """Geometric mean of that which logarithms are of."""
    mean: ir.FloatingScalar = total(logs, where) / logs.count(where=where)
    return mean.exp()
