"""The pages: each makes itself from a state, one file a page."""

from clientage.dashboard.pages import customer, customers, migration, models, monitoring, overview, segments
from clientage.dashboard.parts import Page

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
