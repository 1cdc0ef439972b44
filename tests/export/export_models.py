"""Models of small shops to export, and what NumPy says of their customers."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from shops import columns

from clientage import settings
from clientage.segments import document
from clientage.segments.buyers import buyer_limits
from clientage.segments.fit import fit_centroids, fit_grid
from clientage.segments.grid import AXES, GridModel
from clientage.segments.space import RECIPES

NAMES = ("behaviour", "rfm", "classic", "quintiles")
CENTROIDS = NAMES[:3]
EDGES = (np.nan, 0.0, -0.0, -1.0, 1e-300, 1.0, 1e6, -1e6, 1e12, 1e300, -1e300)


def shop(n=300, seed=0):
    """Columns as numbers; some values are missing, and one is true or false."""
    found = columns(n, seed)
    rng = np.random.default_rng(seed)
    found["is_home_country"] = (rng.random(n) < 0.7).astype(float)
    found["days_between_purchases"] = np.where(found["frequency"] > 1, rng.gamma(3.0, 20.0, n), np.nan)
    return found


def fitted(recipe, found, k=4):
    limits = buyer_limits(found, 6, 4)
    if recipe == "quintiles":
        return fit_grid(found, buyers=limits)
    return fit_centroids(RECIPES[recipe], found, k, seed=1, buyers=limits)


def features(model):
    return AXES if isinstance(model, GridModel) else model.space.features


def kept(model, folder):
    """The settings of a workspace with this model in it."""
    path = Path(folder) / "model" / "segments.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document.dumps(model), encoding="utf-8")
    return settings.load(overrides=[f"workspace={folder}"])


def edges(model):
    """Customers with an odd value in each feature, and in all of them at once."""
    usual = shop(50)
    rows = {name: [] for name in features(model)}
    for value in EDGES:
        for odd in (*rows, None):
            for name, column in rows.items():
                column.append(value if odd in {name, None} else float(usual[name][0]))
    return {name: np.array(column) for name, column in rows.items()}


def wild(model, n=20_000, seed=0):
    """Customers with values of every size and sign, many of them missing."""
    rng = np.random.default_rng(seed)
    sizes = {name: 10.0 ** rng.uniform(-8, 9, n) * rng.choice([-1, 1, 1, 1], n) for name in features(model)}
    return {name: np.where(rng.random(n) < 0.1, np.nan, values) for name, values in sizes.items()}


def arrow(found):
    """Customers as a table with ids in order and gaps where values are missing."""
    ids = pa.array([f"c{i:05}" for i in range(len(next(iter(found.values()))))])
    values = {name: pa.array(column, from_pandas=True) for name, column in found.items()}
    if "is_home_country" in values:
        values["is_home_country"] = values["is_home_country"].cast(pa.bool_())
    return pa.table({"customer_id": ids} | values)


def distances(model, found):
    """Distances of customers to all centroids."""
    with np.errstate(over="ignore"):
        points = model.space.place(np.column_stack([found[name] for name in model.space.features]))
        return np.sqrt(((points[:, None] - model.centroids) ** 2).sum(axis=2))


def assert_agrees(answers, model, found, tolerance=1e-6, tie=1e-9):
    """Answers are as NumPy's: same segment unless two distances tie, same distances."""
    numbers = np.asarray(answers["segment_id"])
    names = {segment.segment_id: segment.name for segment in model.segments}
    assert [names[number] for number in numbers.tolist()] == list(answers["segment"])
    with np.errstate(over="ignore", invalid="ignore"):
        expected = model.predict(found)
    if isinstance(model, GridModel):
        np.testing.assert_array_equal(numbers, expected)
        return
    every = distances(model, found)
    order = np.argsort(every, axis=1, kind="stable")
    near = np.take_along_axis(every, order, axis=1)
    with np.errstate(invalid="ignore"):
        apart = np.diff(near, axis=1) > tie * (1 + near[:, 1:])
    np.testing.assert_array_equal(numbers[apart[:, 0]], expected[apart[:, 0]])
    ids = np.array([segment.segment_id for segment in model.segments])
    second = apart[:, 0] & (apart[:, 1] if every.shape[1] > 2 else True)
    np.testing.assert_array_equal(np.asarray(answers["runner_up"])[second], ids[order[:, 1]][second])
    assert (numbers != np.asarray(answers["runner_up"])).all()
    for name, place in (("distance", 0), ("runner_up_distance", 1)):
        np.testing.assert_allclose(answers[name], near[:, place], rtol=tolerance, atol=tolerance)
