"""Column names of every shop, mapped to roles."""

import pytest

from clientage.transactions.sources.mapping import has_no_header, map_columns
from clientage.transactions.sources.names import LAYOUTS, NAMES

UCI = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
UCI2 = ("Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country")
SHOPIFY = (
    "Name", "Email", "Financial Status", "Total", "Created at", "Lineitem quantity", "Lineitem name",
    "Lineitem price", "Lineitem sku", "Billing Country", "Shipping Country", "Cancelled at",
)  # fmt: skip
WOO = (
    "Order Number", "Order Status", "Order Date", "Email (Billing)", "Country Code (Billing)", "Item #", "SKU",
    "Item Name", "Quantity (- Refund)", "Item Cost", "Order Total Amount",
)  # fmt: skip


@pytest.mark.parametrize(
    ("names", "layout", "roles"),
    [
        (UCI, "Online Retail (UCI)", {"invoice": "InvoiceNo", "unit_price": "UnitPrice", "customer_id": "CustomerID"}),
        (UCI2, "Online Retail II (UCI)", {"invoice": "Invoice", "unit_price": "Price", "customer_id": "Customer ID"}),
        (
            SHOPIFY,
            "Shopify orders",
            {"invoice": "Name", "customer_id": "Email", "product": "Lineitem sku", "country": "Billing Country"},
        ),
        (
            WOO,
            "Advanced Order Export For WooCommerce",
            {"customer_id": "Email (Billing)", "quantity": "Quantity (- Refund)", "product": "SKU"},
        ),
    ],
)
def test_known_exports(names, layout, roles):
    mapped = map_columns(names, {})
    assert mapped.layout.name == layout
    assert not mapped.problems
    assert roles.items() <= mapped.columns.items()
    assert set(mapped.by.values()) == {layout}
    assert "total" not in mapped.columns


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (
            ("order_id", "sku", "qty", "unit price", "client_id", "order_date"),
            {"invoice": "order_id", "product": "sku", "quantity": "qty", "unit_price": "unit price",
             "customer_id": "client_id", "invoiced_at": "order_date"},
        ),
        (
            ("Transaction ID", "USER-ID", "Timestamp", "line_total", "email"),
            {"invoice": "Transaction ID", "customer_id": "USER-ID", "invoiced_at": "Timestamp", "total": "line_total"},
        ),
        (
            ("date", "hour", "customer", "amount"),
            {"invoiced_at": "date", "time": "hour", "customer_id": "customer", "total": "amount"},
        ),
        (
            ("Email (Billing)", "Date", "Price (GBP)", "qty", "total_eur"),
            {"customer_id": "Email (Billing)", "invoiced_at": "Date", "unit_price": "Price (GBP)", "quantity": "qty"},
        ),
        (("email", "time", "revenue_usd"), {"customer_id": "email", "invoiced_at": "time", "total": "revenue_usd"}),
        (
            ("Kundennummer", "Bestelldatum", "Menge", "Einzelpreis", "Artikelnummer", "Land"),
            {"customer_id": "Kundennummer", "invoiced_at": "Bestelldatum", "quantity": "Menge",
             "unit_price": "Einzelpreis", "product": "Artikelnummer", "country": "Land"},
        ),
    ],
)  # fmt: skip
def test_common_names(names, columns):
    mapped = map_columns(names, {})
    assert mapped.columns == columns
    assert not mapped.problems
    assert set(mapped.by.values()) == {"common names"}


def test_what_the_user_names_wins():
    mapped = map_columns((*UCI, "Buyer"), {"customer_id": "Buyer", "country": ""})
    assert mapped.columns["customer_id"] == "Buyer"
    assert mapped.by["customer_id"] == "settings"
    assert mapped.by["country"] == "Online Retail (UCI)"


def test_a_named_total_takes_the_place_of_the_price():
    mapped = map_columns(("customer_id", "date", "qty", "price", "paid"), {"total": "paid"})
    assert mapped.columns == {"customer_id": "customer_id", "invoiced_at": "date", "quantity": "qty", "total": "paid"}


def test_every_missing_column_is_told_at_once():
    problems = map_columns(("order_no", "sku", "qty", "price"), {}).problems
    assert problems == (
        "no column for the customer (found: order_no, sku, qty, price). Name it: --set source.columns.customer_id=…",
        "no column for the date (found: order_no, sku, qty, price). Name it: --set source.columns.invoiced_at=…",
    )


def test_a_price_without_a_quantity_is_no_amount():
    (problem,) = map_columns(("customer_id", "date", "price"), {}).problems
    assert "the quantity" in problem
    assert "--set source.columns.quantity=…" in problem
    assert "--set source.columns.total=…" in problem


def test_two_equally_good_columns_are_the_users_choice():
    problems = map_columns(("customer_id", "user", "userid", "order_date", "invoice_date", "total"), {}).problems
    assert problems == (
        "customer_id and userid could each be the customer. Choose one: --set source.columns.customer_id=customer_id",
        "order_date and invoice_date could each be the date. Choose one: --set source.columns.invoiced_at=order_date",
    )


def test_a_choice_settles_it():
    mapped = map_columns(("customer_id", "client_id", "date", "total"), {"customer_id": "client_id"})
    assert mapped.columns["customer_id"] == "client_id"
    assert not mapped.problems


@pytest.mark.parametrize(("name", "nearest"), [("Byer", "Buyer"), ("buyer", "Buyer"), ("Order date", "'Order Date'")])
def test_a_name_that_is_not_there_gets_the_nearest(name, nearest):
    (problem,) = map_columns(("Buyer", "Order Date", "total", "customer_id"), {"customer_id": name}).problems
    assert f"no column {name!r}" in problem
    assert f"Did you mean --set source.columns.customer_id={nearest}?" in problem


def test_long_headers_are_cut():
    (problem, *_) = map_columns(tuple(f"c{i}x" for i in range(100)), {}).problems
    assert "and 80 more" in problem


@pytest.mark.parametrize(("names", "none"), [(("536365", "85123A", "2010-12-01"), True), (("a", "b2", "c"), False)])
def test_a_row_of_values_is_no_header(names, none):
    assert has_no_header(names) is none


def test_no_name_is_listed_twice_for_a_role():
    for role, tiers in NAMES.items():
        names = [name for tier in tiers for name in tier]
        assert len(names) == len(set(names)), role


def test_layouts_name_the_columns_they_need():
    for layout in LAYOUTS:
        roles = map_columns(layout.signature, {}).columns
        assert {"customer_id", "invoiced_at", "unit_price"} <= set(roles), layout.name
