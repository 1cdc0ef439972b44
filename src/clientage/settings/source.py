"""Settings of the shop and its order lines: what they are called, and which are set aside."""

from typing import Literal

from pydantic import Field

from clientage.settings.section import OptionalDay, Section, Share


class Shop(Section):
    """The shop itself."""

    name: str = Field("", description="Shown in the report's title.")
    currency: str = Field("", description="Symbol or code put before money, such as £ or EUR.")
    home_country: str = Field("", description="The shop's own country; empty: the most frequent one.")


class Columns(Section):
    """Your names for the columns; empty: recognized from presets and common names."""

    customer_id: str = Field("", description="Who bought.")
    invoiced_at: str = Field("", description="When: date, or date and time.")
    time: str = Field("", description="Time of day, where it stands in a column of its own.")
    invoice: str = Field("", description="Order number; without one, an invoice is a customer's day.")
    product: str = Field("", description="Stock code.")
    description: str = Field("", description="Product name.")
    quantity: str = Field("", description="Units.")
    unit_price: str = Field("", description="Price of one unit.")
    total: str = Field("", description="Line total, where there is no unit price.")
    country: str = Field("", description="Country.")


class Source(Section):
    """How order lines are read."""

    columns: Columns = Field(Columns(), description="Your column names, see below.")
    date_format: str = Field("", description="strptime format of the time, such as %d/%m/%Y %H:%M; empty: found.")
    decimal: Literal["", ".", ","] = Field("", description="Decimal sign of numbers in text; empty: found.")
    delimiter: str = Field("", max_length=1, description="Delimiter of CSV files; empty: found.")
    max_gigabytes: float = Field(20, gt=0, description="Refuse an archive or download larger than this, unpacked.")
    max_unreadable: Share = Field(
        0.05, description="Stop when more than this share of lines cannot be read (of a file: half, if that is more)."
    )
    until: OptionalDay = Field(None, description="Leave out lines of this day and later, as if they were yet to come.")
    settle_seconds: float = Field(
        0, ge=0, description="Stop when a file was changed less than this ago: it may still be written."
    )


class Clean(Section):
    """Which cleaning rules are on, and their lists."""

    unreadable: bool = Field(True, description="Set aside lines with a value that could not be read.")
    incomplete: bool = Field(True, description="Set aside lines without a date, a quantity or a price.")
    impossible_value: bool = Field(True, description="Set aside infinite or absurd numbers and dates.")
    no_customer: bool = Field(True, description="Set aside lines without a customer.")
    no_description: bool = Field(True, description="Set aside lines without a product name.")
    duplicate: bool = Field(True, description="Of lines equal but for price, keep the cheapest that has a price.")
    service_code: bool = Field(True, description="Set aside stock codes with fewer than two digits, such as POST.")
    service_description: bool = Field(True, description="Set aside the product names listed below.")
    no_price: bool = Field(True, description="Set aside lines with a unit price that is not above zero.")
    service_descriptions: tuple[str, ...] = Field(
        ("Next Day Carriage", "High Resolution Image"), description="Product names that are services, not goods."
    )
