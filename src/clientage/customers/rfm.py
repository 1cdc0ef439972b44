"""Recency, frequency, monetary value, and what follows from them (Hughes 1994; Fader, Hardie and Lee 2005).

Every function takes `baskets` (one row per customer, invoice and hour; amounts in millionths) and gives one value per
customer.
"""

from datetime import date

import ibis
import ibis.expr.types as ir

from clientage.expressions import total


def recency_days(baskets: ir.Table, as_of: date) -> ir.IntegerScalar:
    """Days from the customer's last line of any kind to `as_of`; 1 for a customer seen the day before."""
    return ibis.date(as_of).delta(baskets.day.max(), unit="day")


def tenure_days(baskets: ir.Table, as_of: date) -> ir.IntegerScalar:
    """Days from the customer's first line to `as_of`."""
    return ibis.date(as_of).delta(baskets.day.min(), unit="day")


def frequency(baskets: ir.Table) -> ir.IntegerScalar:
    """Orders that were completed; 0 for a customer who only returned."""
    return baskets.invoice.nunique(where=~baskets.cancelled)


def invoices(baskets: ir.Table) -> ir.IntegerScalar:
    """Orders of any kind, cancellations included."""
    return baskets.invoice.nunique()


def spend(baskets: ir.Table) -> ir.FloatingScalar:
    """Spend less returns, in currency."""
    return total(baskets.amount)


def monetary(baskets: ir.Table) -> ir.FloatingScalar:
    """Spend less returns, not below zero: what the customer is worth so far, in currency."""
    return ibis.greatest(spend(baskets), 0.0)


def spend_per_invoice(baskets: ir.Table) -> ir.FloatingScalar:
    """Spend less returns per order of any kind, in currency."""
    return spend(baskets) / invoices(baskets)
