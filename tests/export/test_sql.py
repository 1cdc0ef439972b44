"""The model as SQL: what an engine selects is what NumPy computes."""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import sqlglot
from export_models import NAMES, arrow, assert_agrees, edges, features, fitted, kept, shop, wild
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from clientage import portable
from clientage.errors import InputError, SettingsError
from clientage.export.sql import DIALECTS, source
from clientage.segments.buyers import UNLIMITED
from clientage.segments.fit import fit_centroids
from clientage.segments.model import Segment
from clientage.segments.space import RECIPES

each_recipe = pytest.mark.parametrize("recipe", NAMES)
each_dialect = pytest.mark.parametrize("dialect", DIALECTS)
ANY = st.floats(-1e200, 1e200) | st.floats(-1e4, 1e4) | st.just(np.nan)
NASTY = (
    "O'Hara",
    '"quoted"',
    "back\\slash",
    "\\'; DROP TABLE customers; --",
    "two\nlines",
    "`tick`",
    "*/ --",
    "100 % é",
)


def text(model, folder, dialect, table="customers"):
    return portable.write_sql(kept(model, folder), dialect, table=table).text


def original(statement, dialect):
    """A statement of a dialect as DuckDB reads it; DuckDB's own as it is."""
    if dialect == "duckdb":
        return statement
    (translated,) = sqlglot.transpile(statement, read=dialect, write="duckdb")
    return translated


def selected(statement, customers):
    """What DuckDB selects from a table of customers, in their order."""
    connection = duckdb.connect()
    connection.register("customers", customers)
    found = connection.sql(statement.rstrip().removesuffix(";")).order("customer_id").to_arrow_table()
    return {name.lower(): found[name].to_pylist() for name in found.column_names}


def whole(found):
    """Customers with the columns that tell kinds of buyers too."""
    some = {name: np.ones(len(next(iter(found.values())))) for name in ("frequency", "monetary", "units_per_line")}
    return arrow(some | found)


@each_dialect
@each_recipe
def test_small_shops_come_out_as_in_numpy(recipe, dialect, tmp_path):
    found = shop(600, seed=3)
    model = fitted(recipe, shop())
    assert_agrees(selected(original(text(model, tmp_path, dialect), dialect), arrow(found)), model, found)


@pytest.mark.real
@each_dialect
@each_recipe
def test_every_real_customer_comes_out_as_in_numpy(recipe, dialect, real_models, real_customers, tmp_path):
    model, found = real_models[recipe]
    answers = selected(original(text(model, tmp_path, dialect), dialect), real_customers)
    np.testing.assert_array_equal(answers["segment_id"], model.predict(found))
    assert_agrees(answers, model, found)


@pytest.mark.real
def test_kinds_of_buyers_are_as_in_the_workspace(real_run, real_tables, real_customers):
    kept_ = real_tables["engine"].to_pyarrow(real_tables["segments"].order_by("customer_id"))
    answers = selected(portable.write_sql(real_run[0], "duckdb").text, real_customers)
    for name in ("customer_id", "segment_id", "segment", "runner_up", "wholesale", "buyer"):
        assert answers.pop(name) == kept_[name].to_pylist()
    assert set(answers) == {"distance", "runner_up_distance"}
    for name, found in answers.items():  # the workspace's own text has fewer digits
        np.testing.assert_allclose(found, kept_[name].to_numpy(), rtol=1e-12)


@each_recipe
def test_odd_values_come_out_as_in_numpy(recipe, tmp_path):
    model = fitted(recipe, shop())
    statement = text(model, tmp_path, "duckdb")
    for found in (edges(model), wild(model, 2000)):
        given_ = {name: column.astype(bool) * 1.0 if name == "is_home_country" else column
                  for name, column in found.items()}  # fmt: skip
        assert_agrees(selected(statement, whole(given_)), model, given_)


@pytest.fixture(scope="module")
def statements(tmp_path_factory):
    """Models and their statements by recipe."""
    models = {recipe: fitted(recipe, shop()) for recipe in ("behaviour", "rfm", "quintiles")}
    return {name: (model, text(model, tmp_path_factory.mktemp(name), "duckdb")) for name, model in models.items()}


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(["behaviour", "rfm", "quintiles"]), st.lists(st.tuples(*[ANY] * 5), min_size=1, max_size=4))
def test_any_values_come_out_as_in_numpy(statements, recipe, rows):
    model, statement = statements[recipe]
    found = dict(zip(features(model), np.array(rows, float).T, strict=False))
    assert_agrees(selected(statement, whole(found)), model, found)


@each_dialect
def test_what_is_not_a_number_is_taken_for_missing(dialect, tmp_path):
    found = shop(60)
    for name in ("units_per_line", "recency_days"):
        found[name][:20] = np.nan
    model = fitted("behaviour", shop())
    nan = pa.table(
        {"customer_id": arrow(found)["customer_id"]} | {name: pa.array(column) for name, column in found.items()}
    )
    statement = original(text(model, tmp_path, dialect), dialect)
    answers = selected(statement, nan)
    assert_agrees(answers, model, found)
    assert answers == selected(statement, arrow(found))
    assert not any(answers["wholesale"][:20])


@pytest.mark.parametrize("kind", ["DECIMAL(18, 3)", "FLOAT", "BIGINT", "VARCHAR"])
def test_numbers_may_be_kept_in_other_types(kind, tmp_path):
    found = {name: np.round(values) for name, values in shop(100).items()}
    connection = duckdb.connect()
    connection.register("given", whole(found))
    names = ", ".join(f"{name}::{kind} AS {name}" for name in found if name != "is_home_country")
    customers = connection.sql(f"SELECT customer_id, {names} FROM given").to_arrow_table()
    model = fitted("behaviour", shop())
    assert_agrees(selected(text(model, tmp_path, "duckdb"), customers), model, found)


@each_dialect
@pytest.mark.parametrize("name", NASTY)
def test_a_name_stays_a_text_whatever_is_in_it(name, dialect, tmp_path):
    model = fitted("rfm", shop(), 3)
    segments = tuple(Segment(segment.segment_id, name, "") for segment in model.segments)
    statement = text(type(model)(**vars(model) | {"segments": segments}), tmp_path, dialect)
    assert len(sqlglot.parse(statement, read=dialect)) == 1
    assert set(selected(original(statement, dialect), arrow(shop(20)))["segment"]) == {name}


@each_dialect
def test_no_digit_is_lost(dialect, tmp_path):
    model = fitted("classic", shop())
    tree = sqlglot.parse_one(text(model, tmp_path, dialect), read=dialect)
    written = {float(literal.name) for literal in tree.find_all(exp.Literal) if not literal.is_string}
    space = model.space
    arrays = (space.fill, space.matrix, space.offset, model.centroids)
    assert {abs(float(value)) for array in arrays for value in array.ravel() if value} <= written


@each_dialect
@each_recipe
def test_it_is_one_select_over_one_table_and_the_same_each_time(recipe, dialect, tmp_path):
    model = fitted(recipe, shop())
    statement = text(model, tmp_path, dialect, "project.shop.customers")
    assert statement == text(model, tmp_path, dialect, "project.shop.customers")
    (tree,) = sqlglot.parse(statement, read=dialect)
    assert isinstance(tree, exp.Select)
    (table,) = tree.find_all(exp.Table)
    parts = [part.name for part in table.parts]
    assert parts == (["PROJECT", "SHOP", "CUSTOMERS"] if dialect == "snowflake" else ["project", "shop", "customers"])
    assert all(identifier.quoted for identifier in tree.find_all(exp.Identifier))
    assert not list(tree.find_all(exp.Join))


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake"])
def test_no_column_is_called_like_a_table_within(dialect, tmp_path):
    tree = sqlglot.parse_one(text(fitted("behaviour", shop()), tmp_path, dialect), read=dialect)
    aliases = {alias.name for node in (exp.Subquery, exp.Table) for alias in map(_alias, tree.find_all(node))}
    assert aliases
    assert not aliases & {column.name for column in tree.find_all(exp.Column)}


def _alias(node):
    return node.args["alias"].this


@pytest.mark.parametrize(
    "table", ["", "a b", "a;b", "a.b.c.d", "a.", "1a", '"a"', "a`b", "a--\nb", "(select 1)", "x" + "'"]
)
def test_what_is_no_table_is_refused(table):
    with pytest.raises(SettingsError, match="not the name of a table"):
        source(table, ["spend"], "duckdb")


@pytest.mark.parametrize("table", ["customers", "my-project.shop.customers", "größe.kunden_2024$"])
def test_names_of_tables_are_taken_as_they_are(table):
    found = source(table, ["spend"], "duckdb").op().find(lambda node: hasattr(node, "namespace"))
    assert [*reversed([part for part in (found[0].name, *_places(found[0])) if part])] == table.split(".")


def _places(table):
    return table.namespace.database, table.namespace.catalog


def test_an_unknown_dialect_is_refused_with_those_there_are():
    with pytest.raises(
        SettingsError, match=r"--dialect oracle: not known. Give bigquery, spark, duckdb, postgres or sn"
    ):
        source("customers", ["spend"], "oracle")


def test_a_model_of_features_that_are_not_there_is_refused(tmp_path):
    found = shop() | {"shoe_size": shop()["spend"]}
    model = fit_centroids(RECIPES["rfm"], found, 3, seed=1)
    model.space.__dict__["features"] = ("shoe_size", *model.space.features[1:])
    with pytest.raises(InputError, match="by shoe_size, which this version does not know"):
        text(model, tmp_path, "duckdb")


@pytest.mark.parametrize("change", ["drop", "rename"])
def test_a_table_without_a_feature_is_refused_by_the_engine(change, tmp_path):
    customers = arrow(shop(20))
    names = [f"{name}_" if change == "rename" and name == "monetary" else name for name in customers.column_names]
    customers = customers.drop(["monetary"]) if change == "drop" else customers.rename_columns(names)
    with pytest.raises(duckdb.BinderException, match="monetary"):
        selected(text(fitted("rfm", shop()), tmp_path, "duckdb"), customers)


def test_without_limits_nobody_is_a_trader(tmp_path):
    model = fitted("rfm", shop())
    plain = type(model)(**vars(model) | {"buyers": UNLIMITED})
    customers = arrow(shop(20)).drop(["units_per_line"])
    answers = selected(text(plain, tmp_path, "duckdb"), customers)
    assert set(answers["wholesale"]) == {False}
    assert set(answers["buyer"]) == {"personal"}


# PostgreSQL, for real


KINDS = {"string": "text", "int64": "bigint", "double": "double precision", "bool": "boolean", "date32[day]": "date"}


def loaded(postgres, customers):
    """Customers in a table of PostgreSQL."""
    columns = ", ".join(f'"{field.name}" {KINDS[str(field.type)]}' for field in customers.schema)
    rows = pa.BufferOutputStream()
    pyarrow.csv.write_csv(customers, rows)
    lines = rows.getvalue().to_pybytes().decode()
    postgres(f"DROP TABLE IF EXISTS customers; CREATE TABLE customers ({columns});\n"
             f"\\copy customers FROM STDIN (FORMAT csv, HEADER)\n{lines}\\.\n")  # fmt: skip


def answered(postgres, statement):
    """What PostgreSQL selects, in order of customers."""
    found = postgres(
        f'CREATE TEMPORARY TABLE found AS {statement}\nSELECT * FROM found ORDER BY customer_id COLLATE "C";'
    )
    table = pyarrow.csv.read_csv(pa.BufferReader(found.encode()))
    return {name: table[name].to_pylist() for name in table.column_names}


@each_recipe
def test_postgresql_selects_what_numpy_computes(recipe, postgres, tmp_path):
    found = shop(400, seed=3)
    found["units_per_line"][:9] = np.nan
    model = fitted(recipe, shop())
    loaded(postgres, arrow(found))
    assert_agrees(answered(postgres, text(model, tmp_path, "postgres")), model, found)


@pytest.mark.real
@each_recipe
def test_postgresql_selects_every_real_customer_as_numpy_does(recipe, postgres, real_models, real_customers, tmp_path):
    model, found = real_models[recipe]
    loaded(postgres, real_customers)
    answers = answered(postgres, text(model, tmp_path, "postgres"))
    np.testing.assert_array_equal(answers["segment_id"], model.predict(found))
    assert_agrees(answers, model, found)


def test_postgresql_takes_nan_for_missing_and_keeps_names(postgres, tmp_path):
    model = fitted("rfm", shop(), 3)
    names = NASTY[3:6]
    segments = tuple(Segment(s.segment_id, name, "") for s, name in zip(model.segments, names, strict=True))
    model = type(model)(**vars(model) | {"segments": segments})
    found = shop(50)
    found["monetary"][:10] = np.nan
    loaded(
        postgres, pa.table({"customer_id": arrow(found)["customer_id"]} | {n: pa.array(v) for n, v in found.items()})
    )
    assert_agrees(answered(postgres, text(model, tmp_path, "postgres")), model, found)


@each_recipe
def test_postgresql_does_not_write_steps_into_one_another(recipe, postgres, tmp_path):
    """Without fences between them, what is to be computed grows with the fourth power of the number of segments."""
    model = fitted(recipe, shop(), 8)
    statement = text(model, tmp_path, "postgres")
    tree = sqlglot.parse_one(statement, read="postgres")
    assert all(step.this.args.get("offset") for step in tree.find_all(exp.Subquery))
    loaded(postgres, arrow(shop(5)))
    assert len(postgres(f"EXPLAIN VERBOSE {statement}")) < 10 * len(statement)
