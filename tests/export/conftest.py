"""What tests of exports share."""

import numpy as np
import pyarrow as pa
import pytest
from export_models import NAMES, fitted

from clientage.segments import document


@pytest.fixture(scope="session")
def real_customers(real_tables):
    """All customers of the public data set, in order, as an Arrow table."""
    return real_tables["engine"].to_pyarrow(real_tables["customers"].order_by("customer_id"))


@pytest.fixture(scope="session")
def real_models(real_run, real_customers):
    """Each recipe with its model of the public data set, and the customers' features."""
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    names = [field.name for field in real_customers.schema if any(fits(field.type) for fits in kinds)]
    found = {name: np.asarray(real_customers[name].cast(pa.float64()).to_numpy(), float) for name in names}
    text = (real_run[0].workspace / "model" / "segments.json").read_text(encoding="utf-8")
    made = {recipe: fitted(recipe, found) for recipe in NAMES if recipe != "behaviour"}
    return {recipe: (model, found) for recipe, model in (made | {"behaviour": document.loads(text)}).items()}
