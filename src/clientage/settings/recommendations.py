"""Settings of recommendations."""

from typing import Annotated, Literal

from pydantic import Field

from clientage.settings.section import Count, Section


class Recommendations(Section):
    """What is offered to whom."""

    model: Literal["auto", "ease", "cosine", "popular"] = Field(
        "auto", description="auto: the best of the last evaluation, else ease."
    )
    top: Annotated[int, Field(ge=1, le=100)] = Field(10, description="Products for each customer.")
    repeat: bool = Field(False, description="Whether what was bought before may be recommended again.")
    penalty: float = Field(500.0, gt=0, description="Ridge penalty of ease.")
    neighbours: Annotated[int, Field(ge=1)] = Field(50, description="Weights kept for each product.")
    offered_days: Count = Field(90, description="Leave out products not sold for so many days.")
    recent_days: Count = Field(28, description="How far back `popular lately` looks.")
    min_buyers: Count = Field(
        100, description="Buyers a segment needs for its own popular products; below, those of all customers."
    )
    most_products: Annotated[int, Field(ge=2)] = Field(
        10_000, description="Most products to relate to each other; the best selling ones are."
    )
