"""Offers computed where the tables are: those that are computed here."""

import ibis
import numpy as np
import pyarrow as pa
import pytest

from clientage.recommendations.ease import ease
from clientage.recommendations.offers import NOBODY, offers
from clientage.recommendations.popularity import Popularity
from clientage.recommendations.purchases import binary, gathered
from clientage.recommendations.scored import popular, scored

CUSTOMERS, PRODUCTS, TOP = 300, 40, 8


@pytest.fixture(scope="module")
def shop():
    """Customers who bought nothing, a little or much of forty products; segments of which one is small."""
    rng = np.random.default_rng(4)
    chance = rng.beta(0.6, 6, (CUSTOMERS, 1)) * np.linspace(2, 0.2, PRODUCTS)
    taste = rng.random((CUSTOMERS, 4)) @ rng.random((4, PRODUCTS))
    had = rng.random((CUSTOMERS, PRODUCTS)) < chance * taste
    ids = pa.array([f"c{i:03}" for i in range(CUSTOMERS)])
    codes = pa.array([f"p{i:02}" for i in range(PRODUCTS)])
    row, column = np.nonzero(had)
    pairs = pa.table({"customer_id": ids.take(pa.array(row)), "product": codes.take(pa.array(column))})
    segments = np.where(np.arange(CUSTOMERS) < 12, 3, np.arange(CUSTOMERS) % 2 + 1).astype(np.int64)
    products = pa.table({"product": codes, "offered": np.arange(PRODUCTS) % 7 > 0})
    return ids, codes, pairs, segments, products


def here(shop, model, repeat):
    ids, codes, pairs, segments, products = shop
    bought = binary(gathered(pairs.to_batches(), ids, codes))
    weights = ease(bought, 20.0, 10) if model else None
    popularity = Popularity.of(bought, segments, 30)
    blocks = offers(
        bought, weights, popularity.fallback(segments), TOP, offered=products["offered"].to_numpy(), repeat=repeat
    )
    rows = {}
    for block in blocks:
        for customer, place in zip(*np.nonzero(block.product != NOBODY), strict=True):
            because = block.because[customer, place]
            rows[ids[block.first + customer].as_py(), place + 1] = (
                codes[block.product[customer, place]].as_py(),
                block.score[customer, place],
                None if because == NOBODY else codes[because].as_py(),
            )
    return rows, weights, popularity


@pytest.mark.parametrize("model", [True, False])
@pytest.mark.parametrize("repeat", [True, False])
def test_offers_are_those_computed_here(shop, model, repeat):
    ids, codes, pairs, segments, products = shop
    expected, weights, popularity = here(shop, model, repeat)
    members = ibis.memtable(pa.table({"customer_id": ids, "segment_id": segments}))
    found = scored(
        ibis.memtable(pairs),
        members,
        ibis.memtable(products),
        ibis.memtable(weights.table(codes)) if weights else None,
        ibis.memtable(popularity.table(codes)),
        model="ease",
        top=TOP,
        repeat=repeat,
    )
    rows = {(row["customer_id"], row["rank"]): row for row in ibis.duckdb.connect().to_pyarrow(found).to_pylist()}
    assert rows.keys() == expected.keys()
    assert len(rows) > CUSTOMERS * 4
    for key, (product, score, because) in expected.items():
        row = rows[key]
        assert row["score"] == pytest.approx(score, rel=1e-5, abs=1e-6), key
        assert (row["product"], row["because"]) == (product, because), key
        assert row["model"] == ("ease" if because else "popular" if key[0] < "c012" else "segment")


def test_popularity_is_that_counted_here(shop):
    ids, codes, pairs, segments, products = shop
    *_, popularity = here(shop, False, False)
    members = ibis.memtable(pa.table({"customer_id": ids, "segment_id": segments}))
    found = popular(ibis.memtable(pairs), members, ibis.memtable(products), 30)
    rows, expected = ibis.duckdb.connect().to_pyarrow(found).to_pylist(), popularity.table(codes).to_pylist()
    assert [(row["segment_id"], row["product"]) for row in rows] == [(r["segment_id"], r["product"]) for r in expected]
    assert [row["share"] for row in rows] == pytest.approx([row["share"] for row in expected], rel=1e-6)
