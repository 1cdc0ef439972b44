"""What a customer takes back. `baskets` has one row per customer, invoice and hour."""

import ibis.expr.types as ir

from clientage.customers.rfm import invoices


def cancelled_invoices(baskets: ir.Table) -> ir.IntegerScalar:
    """Orders with a return."""
    return baskets.invoice.nunique(where=baskets.cancelled)


def cancellation_rate(baskets: ir.Table) -> ir.FloatingScalar:
    """Orders with a return per order of any kind, in [0, 1]."""
    return cancelled_invoices(baskets) / invoices(baskets).cast("float64")
