"""The pages: each makes itself from a state, one file a page."""

from collections.abc import Callable, Mapping

from clientage.dashboard.pages import customer, customers, migration, models, monitoring, overview, segments
from clientage.dashboard.parts import Component, Page, State

MENU = (
    Page("/", "Overview", overview.layout),
    Page("/segments", "Segments", segments.layout),
    Page("/customers", "Customers", customers.layout),
    Page("/migration", "Migration", migration.layout),
    Page("/monitoring", "Monitoring", monitoring.layout),
    Page("/models", "Models", models.layout),
)
PAGES = {page.path: page for page in (*MENU, Page("/customer", "Customer", customer.layout))}
"""By address."""

LATE: Mapping[str, Callable[[State], Component]] = {
    "changes": overview.changes, "months": overview.months, "offers": segments.offers, "worths": segments.worths,
    "space": segments.space,
}  # fmt: skip
"""Parts that may come after their page."""
