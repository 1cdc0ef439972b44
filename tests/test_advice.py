"""One customer's and one product's recommendations: the same as in the tables, and more where asked for."""

import shutil

import pyarrow.parquet as pq
import pytest

from clientage import pipeline
from clientage.advice import for_customer, of_product
from clientage.errors import InputError, WorkspaceError
from clientage.settings import load


def rows(settings, customer):
    found = pq.read_table(settings.workspace / "tables/recommendations.parquet").to_pylist()
    return [row for row in found if row["customer_id"] == customer]


@pytest.mark.parametrize("popular", [False, True])
def test_a_customer_is_told_what_stands_in_the_table(sample_run, popular):
    settings = sample_run[0]
    table = pq.read_table(settings.workspace / "tables/recommendations.parquet").to_pylist()
    customer = next(row["customer_id"] for row in table if (row["model"] in ("segment", "popular")) == popular)
    stored, told = rows(settings, customer), for_customer(settings, customer, 10, repeat=False)
    assert [row["product"] for row in told] == [row["product"] for row in stored]
    assert [row["score"] for row in told] == pytest.approx([row["score"] for row in stored], rel=1e-4)


def test_more_than_the_table_has_and_what_was_bought_before(sample_run):
    settings = sample_run[0]
    lines = pq.read_table(settings.workspace / "tables/lines.parquet", columns=["customer_id", "product", "cancelled"])
    customer = lines["customer_id"][0].as_py()
    had = {row["product"] for row in lines.to_pylist() if row["customer_id"] == customer and not row["cancelled"]}
    new, again = (for_customer(settings, customer, 1000, repeat=repeat) for repeat in (False, True))
    assert len(new) > 40
    assert not had & {row["product"] for row in new}
    assert had & {row["product"] for row in again}


def test_what_goes_with_a_product(sample_run):
    settings = sample_run[0]
    product = pq.read_table(settings.workspace / "tables/products.parquet").sort_by([("customers", "descending")])
    found = of_product(settings, product["product"][0].as_py(), 4)
    assert set(found) == {"together", "similar"}
    for offered in found.values():
        assert [row["rank"] for row in offered] == [1, 2, 3, 4]
        assert product["product"][0].as_py() not in {row["product"] for row in offered}


def test_names_that_are_not_there(sample_run, tmp_path):
    settings = sample_run[0]
    customer = rows(settings, pq.read_table(settings.workspace / "tables/segments.parquet")["customer_id"][0].as_py())
    wrong = customer[0]["customer_id"] + "x"
    with pytest.raises(InputError, match=f"no customer {wrong}. Did you mean {customer[0]['customer_id']}?"):
        for_customer(settings, wrong, 3, repeat=False)
    with pytest.raises(InputError, match=r"there is no product nonsense\. Did you mean"):
        of_product(settings, "nonsense", 3)
    with pytest.raises(WorkspaceError, match="there is no table"):
        for_customer(load(overrides=[f"workspace={tmp_path}"]), "c", 3, repeat=False)


def orders(path, *, product="sku", customers=60):
    """A small shop in which everybody buys twice, two of three products."""
    lines = [f"customer,date,{product},quantity,price,invoice"]
    for i in range(customers):
        for day in (1, 20):
            order = f"{1 + i % 4},{5 + i},{i}-{day}"
            lines += [f"c{i:03},2024-0{1 + i % 3}-{day:02},{1000 + (i + j) % 3},{order}" for j in (0, 1)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_shop_without_products_gets_no_recommendations_and_keeps_no_old_ones(tmp_path):
    settings = load(overrides=[f"workspace={tmp_path / 'ws'}", "segments.k=3"])
    first = pipeline.run(settings, str(orders(tmp_path / "orders.csv")))
    assert first.tables["recommendations"]
    second = pipeline.run(settings, str(orders(tmp_path / "other.csv", product="note")))
    assert second.warnings["recommend"] == ["the order lines have no product, so nothing can be recommended."]
    assert not {"recommendations", "products", "affinities", "favourites"} & set(second.tables)
    assert not (tmp_path / "ws/tables/recommendations.parquet").exists()
    with pytest.raises(WorkspaceError, match="there are no recommendations yet"):
        for_customer(settings, "c001", 3, repeat=False)


def test_one_product_leaves_nothing_new_to_offer(tmp_path):
    path = orders(tmp_path / "orders.csv")
    text = path.read_text(encoding="utf-8")
    for code in ("1001", "1002"):
        text = text.replace(f",{code},", ",1000,")
    path.write_text(text, encoding="utf-8")
    settings = load(overrides=[f"workspace={tmp_path / 'ws'}", "segments.k=3"])
    manifest = pipeline.run(settings, str(path))
    assert manifest.recommender == {"model": "popular", "reason": "there is one product only"}
    assert for_customer(settings, "c001", 3, repeat=False) == []
    assert [row["product"] for row in for_customer(settings, "c001", 3, repeat=True)] == ["1000"]


def test_a_shop_where_all_was_returned_has_nothing_to_offer(tmp_path):
    path = orders(tmp_path / "orders.csv", customers=120)
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    rows = [line.split(",") for line in lines]
    returned = [",".join([*row[:3], f"-{row[3]}", *row[4:]]) for row in rows]
    path.write_text("\n".join([head, *returned]) + "\n", encoding="utf-8")
    settings = load(overrides=[f"workspace={tmp_path / 'ws'}", "segments.k=2", "evaluate.horizon_days=14"])
    manifest = pipeline.run(settings, str(path))
    assert not manifest.tables.get("recommendations")
    assert "expected orders and spend are left out" in manifest.warnings["features"][0]


def test_the_winner_of_the_last_evaluation_recommends(sample_run, tmp_path):
    shutil.copytree(sample_run[0].workspace, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "tables/recommenders.parquet"
    table = pq.read_table(path)
    worth = [float(model == "cosine") for model in table["model"].to_pylist()]
    pq.write_table(table.set_column(table.column_names.index("ndcg_10"), "ndcg_10", [worth]), path)
    settings = load(overrides=[f"workspace={tmp_path}"])
    manifest = pipeline.step(settings, ["recommend"])
    assert manifest.recommender == {"model": "cosine", "reason": "the best of the last evaluation"}
    fixed = load(overrides=[f"workspace={tmp_path}", "recommendations.model=popular"])
    assert pipeline.step(fixed, ["recommend"]).recommender["model"] == "popular"
    assert not (tmp_path / "tables/affinities.parquet").exists()
