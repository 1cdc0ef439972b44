"""What cannot be answered: a status that is right, one sentence that names the field, and a service that goes on."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ONE = {"recency_days": 10, "frequency": 5, "monetary": 100.5, "lines_per_basket": 10, "units_per_line": 4}
LINE = {"invoice": 1, "product": "22423", "quantity": 2, "unit_price": 3.5, "invoiced_at": "2011-11-01T10:00:00"}
BOUGHT = {"purchases": [LINE], "as_of": "2011-12-10"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b'"\\ud800"', "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON: depth limit exceeded"),
        (b'{"a":' * 100_000, "the body is not JSON: depth limit exceeded"),
        (b"5", 'the body: write an object with "instances"'),
        (b"[]", 'the body: write an object with "instances"'),
        (b"{}", 'the body: write an object with "instances"'),
        ({"instances": []}, "instances: empty."),
        ({"instances": {}}, "instances: not a list."),
        ({"instances": [ONE], "parameter": {}}, "parameter: not known; a request has instances and parameters."),
        ({"instances": [ONE], "parameters": []}, "parameters: not an object."),
        ({"instances": [ONE], "parameters": {"recommend": -1}}, "parameters.recommend: not a whole number"),
        ({"instances": [ONE], "parameters": {"recommend": True}}, "parameters.recommend: not a whole number"),
        ({"instances": [ONE], "parameters": {"strict": 1, "top": 3}}, "parameters.top: not known"),
        ({"instances": [ONE], "parameters": {"strict": 1, "top": 3}}, "parameters.strict: neither true nor false."),
    ],
)
def test_a_body_that_is_no_request(client, body, said):
    assert said in client.refused(body)


@pytest.mark.parametrize(
    ("instance", "said"),
    [
        (5, "instances[0]: not an object."),
        (None, "instances[0]: not an object."),
        ([], "instances[0]: not an object."),
        ({}, "instances[0].recency_days: missing."),
        (ONE | {"colour": 1}, "instances[0].colour: there is no such feature."),
        (ONE | {"frequency": "5"}, "instances[0].frequency: not a number that can be used: \"5\"."),
        (ONE | {"frequency": True}, "instances[0].frequency: not a number that can be used: true."),
        (ONE | {"frequency": None}, "instances[0].frequency: not a number that can be used: null."),
        (ONE | {"frequency": float("nan")}, "instances[0].frequency: not a number that can be used: NaN."),
        (ONE | {"monetary": float("inf")}, "instances[0].monetary: not a number that can be used: Infinity."),
        (ONE | {"monetary": 1e200}, "instances[0].monetary: not a number that can be used: 1e+200."),
        (ONE | {"monetary": 10**400}, "instances[0].monetary: not a number that can be used: 1000000"),
        (ONE | {"customer_id": "1"}, "instances[0].frequency: cannot stand beside customer_id."),
        ({"customer_id": "nobody"}, "instances[0].customer_id: there is no customer nobody."),
        ({"customer_id": "<b>\n"}, "instances[0].customer_id: there is no customer <b>·."),
        ({"customer_id": 1.5}, "instances[0].customer_id: not a text: 1.5."),
        ({"PC1": 1}, "instances[0].PC1: the model in use has no principal components."),
        ({"purchases": [], "as_of": "2011-12-10"}, "[0].purchases: write a list with at least one order line."),
        ({"purchases": [LINE]}, "instances[0].as_of: write the day to look back from"),
        (BOUGHT | {"as_of": "2011-11-01"}, "[0].purchases[0].invoiced_at: 2011-11-01 is not before as_of"),
        (BOUGHT | {"as_of": "tomorrow"}, "instances[0].as_of: write the day"),
        (BOUGHT | {"until": 1}, "instances[0].until: not known."),
        ({"purchases": [5], "as_of": "2011-12-10"}, "instances[0].purchases[0]: not an object."),
    ],
)  # fmt: skip
def test_an_instance_that_cannot_be_used(client, instance, said):
    refused = client.refused({"instances": [instance]}, 422)
    assert said in refused
    (good, bad) = client.predict(ONE, instance)
    assert bad == {"error": refused.replace("instances[0]", "instances[1]")}
    assert good["segment_id"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"quantity": "2"}, 'purchases[0].quantity: not a number that can be used: "2".'),
        ({"quantity": None}, "purchases[0]: no amount."),
        ({"unit_price": float("nan")}, "purchases[0].unit_price: not a number that can be used: NaN."),
        ({"invoiced_at": "1.11.2011"}, "purchases[0].invoiced_at: write the shop's own time"),
        ({"invoiced_at": "2011-11-01T10:00:00+01:00"}, "purchases[0].invoiced_at: write the shop's own time"),
        ({"invoiced_at": "2999-01-01"}, "purchases[0].invoiced_at: 2999-01-01 is not before as_of"),
        ({"price": 3}, "purchases[0].price: not known"),
        ({"product": 1.5}, "purchases[0].product: not a text: 1.5."),
        ({"unit_price": 0}, "purchases: cleaning set all of them aside: no price."),
        ({"quantity": 1e12}, "purchases: cleaning set all of them aside: impossible value."),
    ],
)
def test_purchases_that_cannot_be_used(client, change, said):
    refused = client.refused({"instances": [BOUGHT | {"purchases": [LINE | change]}]}, 422)
    assert f"instances[0].{said}" in refused


def test_deep_values_and_many_problems_are_told_shortly(client):
    deep = "".join(["["] * 1000 + ["]"] * 1000).encode()
    said = client.refused(b'{"instances": [{"recency_days": ' + deep + b"}]}", 422)
    assert "instances[0].recency_days: not a number that can be used: a list." in said
    empty = {"instances": [{"as_of": "2011-12-10", "purchases": [{}] * 100_000}]}
    assert len(client.refused(empty, 422)) < 5_000
    assert len(client.refused({"instances": [ONE]} | {f"x{i}": 1 for i in range(50_000)})) < 5_000


def test_purchases_of_two_customers(client):
    lines = [LINE | {"customer_id": "a"}, LINE | {"customer_id": "b"}]
    assert "instances[0].purchases: of more than one customer_id." in client.refused(
        {"instances": [BOUGHT | {"purchases": lines}]}, 422
    )


def test_too_many_days_to_look_back_from(client):
    days = [BOUGHT | {"as_of": f"2012-{month:02}-{day:02}"} for month in (1, 3) for day in range(1, 20)]
    answers = client.predict(*days)
    assert sum("error" in answer for answer in answers) == len(days) - 10
    assert "as_of: more than 10 days, or sets of columns" in answers[-1]["error"]


def test_everything_that_is_wrong_is_told_at_once(client):
    said = client.refused({"instances": [{"frequency": "a", "x": 1}, 5]}, 422)
    for part in ("[0].recency_days: missing", "[0].x: there is no such feature", "[0].frequency: not a", "[1]: not an"):
        assert f"instances{part}" in said


def test_too_many_and_too_large(client):
    assert "above 2,000" in client.refused({"instances": [ONE] * 2001})
    assert "more than 1,500,000 bytes" in client.refused(b" " * 1_500_001, 413)
    many = {"instances": [ONE] * 2000, "parameters": {"recommend": 100}}
    assert "200,000 products, above 20,000" in client.refused(many, 413)


@pytest.mark.parametrize("options", [{"content_type": "text/plain"}, {"headers": {"Content-Encoding": "gzip"}}])
def test_a_body_that_is_sent_as_something_else(client, options):
    assert "application/json" in client.refused({"instances": [ONE]}, 415, **options)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("instances", "parameters", "customer_id", "purchases", "as_of", "PC1", "recommend", "strict", *ONE, *LINE)
NAMED = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=12,
)
REQUESTS = st.fixed_dictionaries(
    {"instances": st.lists(NAMED | st.fixed_dictionaries(dict.fromkeys(ONE, st.floats() | st.integers())), max_size=4)},
    optional={
        "parameters": st.fixed_dictionaries({}, optional={"recommend": st.integers(-1, 3), "strict": st.booleans()})
    },
)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=60) | (NAMED | REQUESTS).map(lambda value: json.dumps(value).encode()))
def test_no_body_makes_the_service_fail(client, body):
    answer = client.post("/predict", body)
    assert answer.status_code in (200, 400, 413, 422), (body, answer.json)
    if answer.status_code == 200:
        assert len(answer.json["predictions"]) == len(json.loads(body)["instances"])
    else:
        assert answer.json["error"].strip()
