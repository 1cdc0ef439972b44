"""Routes and answers, on the sample shop."""

import json

import pyarrow.parquet as pq
import pytest

from clientage.serving.contract import KINDS, MOST_PRODUCTS
from clientage.serving.rows import table

ONE = {"recency_days": 10, "frequency": 5, "monetary": 100.5, "lines_per_basket": 10, "units_per_line": 4}
LINE = {"invoice": 1, "product": "22423", "quantity": 2, "unit_price": 3.5, "invoiced_at": "2011-11-01T10:00:00"}
BOUGHT = {"purchases": [LINE], "as_of": "2011-12-10"}


@pytest.fixture(scope="module")
def known(shop):
    """The tables of the shop, as dictionaries by customer."""
    names = ("customers", "segments")
    tables = {name: pq.read_table(shop / "tables" / f"{name}.parquet").to_pylist() for name in names}
    return {name: {row["customer_id"]: row for row in rows} for name, rows in tables.items()}


def test_an_answer_for_each_instance_in_order(client, known):
    first, second = sorted(known["segments"])[:2]
    answers = client.predict({"customer_id": first}, ONE, BOUGHT, {"customer_id": second})
    assert [set(answer) for answer in answers] == [{"segment_id", "segment", "distance", "runner_up"}] * 4
    for customer, answer in ((first, answers[0]), (second, answers[3])):
        row = known["segments"][customer]
        assert {name: answer[name] for name in ("segment_id", "segment", "runner_up")} == {
            name: row[name] for name in ("segment_id", "segment", "runner_up")
        }
        assert answer["distance"] == pytest.approx(row["distance"])


def test_the_features_of_a_customer_give_the_customers_segment(client, known):
    rows = list(known["customers"].values())[:300]
    answers = client.predict(*({name: row[name] for name in ONE} for row in rows))
    assert [answer["segment_id"] for answer in answers] == [
        known["segments"][row["customer_id"]]["segment_id"] for row in rows
    ]


def test_more_features_than_the_model_needs_may_be_sent(client):
    assert client.predict(ONE | {"tenure_days": 100, "is_home_country": True}) == client.predict(ONE)


def test_a_bad_instance_has_an_error_in_its_place(client):
    answers = client.predict(ONE, {"frequency": "5"}, ONE)
    assert [set(answer) for answer in (answers[0], answers[2])] == [set(answers[0])] * 2
    assert answers[1]["error"].startswith("instances[1].recency_days: missing.")


def test_strict_fails_the_whole(client):
    body = {"instances": [ONE, {"customer_id": "nobody"}], "parameters": {"strict": True}}
    assert client.refused(body, 422) == "instances[1].customer_id: there is no customer nobody."


def test_the_version_is_in_every_answer(client, shop):
    version = json.loads((shop / "model/segments.json").read_text())["sha256"][:12]
    for path in ("/ping", "/segments", "/openapi.json", "/customers/nobody"):
        assert client.get(path).headers["X-Model-Version"] == version
    assert client.post("/predict", b"x").headers["X-Model-Version"] == version


@pytest.mark.parametrize("instance", [ONE, BOUGHT])
def test_recommendations_where_asked_for(client, instance):
    (answer,) = client.predict(instance, recommend=3)
    assert len(answer["recommendations"]) == 3
    assert {"product", "description", "score", "because"} == set(answer["recommendations"][0])
    (ten,) = client.post("/recommend", {"instances": [instance]}).json["predictions"]
    assert ten["recommendations"][:3] == answer["recommendations"]
    assert len(ten["recommendations"]) == 10


def test_a_known_customer_gets_what_the_run_recommended(client, shop, known):
    table = pq.read_table(shop / "tables/recommendations.parquet").to_pylist()
    customer = table[0]["customer_id"]
    wanted = [row["product"] for row in table if row["customer_id"] == customer]
    (answer,) = client.predict({"customer_id": customer}, recommend=MOST_PRODUCTS)
    assert [row["product"] for row in answer["recommendations"]] == wanted


def test_purchases_are_offered_what_a_run_would_offer(client, shop):
    """What a customer bought and kept leads to the same products, by way of the table or of the request."""
    lines = pq.read_table(shop / "tables/lines.parquet").to_pylist()
    recommended = pq.read_table(shop / "tables/recommendations.parquet").to_pylist()
    customers = sorted({row["customer_id"] for row in recommended if row["because"]})[:20]
    day = str(pq.read_table(shop / "tables/customers.parquet")["as_of"][0])
    fields = ("invoice", "product", "description", "quantity", "unit_price", "country", "invoiced_at")
    for customer in customers:
        own = [line for line in lines if line["customer_id"] == customer]
        sent = [
            {name: line[name] for name in fields} | {"invoiced_at": line["invoiced_at"].isoformat()} for line in own
        ]
        (answer,) = client.predict({"purchases": sent, "as_of": day}, recommend=5)
        wanted = [row["product"] for row in recommended if row["customer_id"] == customer and row["rank"] <= 5]
        assert [row["product"] for row in answer["recommendations"]] == wanted


def test_a_customer(client, known):
    customer, row = next(iter(known["segments"].items()))
    answer = client.get(f"/customers/{customer}?recommend=2").json
    assert (answer["customer_id"], answer["segment_id"]) == (customer, row["segment_id"])
    assert answer["profile"]["segment_id"] == row["segment_id"]
    assert answer["features"]["frequency"] == known["customers"][customer]["frequency"]
    assert len(answer["recommendations"]) == 2
    assert set(answer["value"]) == {"monetary", "expected_orders", "expected_spend"}


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/customers/no%2Fbody", 404, "customer_id: there is no customer no/body."),
        ("/customers/%00?recommend=1", 404, "customer_id: there is no customer ·."),
        ("/customers/nobody?recommend=all", 400, "recommend: not a whole number from 0 to 100."),
        ("/customers/nobody?recommend=101", 400, "recommend: not a whole number from 0 to 100."),
        ("/customers/", 404, "there is no such address. See /openapi.json."),
        ("/nothing", 404, "there is no such address. See /openapi.json."),
        ("/predict", 405, "this address does not take that method. See /openapi.json."),
    ],
)
def test_what_is_not_there(client, path, status, said):
    answer = client.get(path)
    assert (answer.status_code, answer.json) == (status, {"error": said})


def test_segments_with_their_profiles(client, shop):
    profiles = {row["segment_id"]: row for row in pq.read_table(shop / "tables/profiles.parquet").to_pylist()}
    segments = client.get("/segments").json["segments"]
    assert {row["segment_id"]: row["action"] for row in segments} == {
        number: row["action"] for number, row in profiles.items()
    }
    assert all(row["customers"] == profiles[row["segment_id"]]["customers"] for row in segments)


def test_every_answered_prediction_is_in_the_log(client, shop):
    before = _logged(shop)
    answer = client.post("/predict", {"instances": [ONE, {"customer_id": "nobody"}, BOUGHT]})
    (record,) = _logged(shop)[len(before) :]
    assert record["id"] == answer.headers["X-Request-Id"]
    assert record["version"] == answer.headers["X-Model-Version"]
    named, bought = record["parts"]
    assert (named["form"], named["place"], named["names"]) == ("features", [0], list(ONE))
    assert named["values"] == [list(map(float, ONE.values()))]
    assert (bought["form"], bought["place"]) == ("purchases", [2])
    for part in record["parts"]:
        said = answer.json["predictions"][part["place"][0]]
        assert (part["segment_id"], part["segment"]) == ([said["segment_id"]], [said["segment"]])


def _logged(shop):
    files = sorted((shop / "serving/log").glob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def test_of_a_refused_instance_the_kind_of_its_problem_is_logged_and_nothing_else(client, shop):
    bad = {
        "not an object": 5,
        "missing feature": {name: value for name, value in ONE.items() if name != "frequency"},
        "unknown feature": ONE | {"zoe@example.com": 1},
        "not a number": ONE | {"frequency": "zoe@example.com"},
        "unknown customer": {"customer_id": "zoe@example.com"},
        "not an id": {"customer_id": ["zoe@example.com"]},
        "no components": {"PC1": 1},
        "unusable purchases": {"purchases": [{"product": "zoe@example.com"}], "as_of": "2011-12-10"},
    }
    assert set(bad) == set(KINDS)
    before = _logged(shop)
    assert sum("error" in answer for answer in client.predict(*bad.values(), ONE)) == len(bad)
    (record,) = _logged(shop)[len(before) :]
    assert dict(zip(record["refused"]["place"], record["refused"]["error"], strict=True)) == dict(enumerate(bad))
    assert "zoe" not in json.dumps(record)
    rows, unreadable = table([json.dumps(record).encode()])
    assert (len(rows), unreadable) == (len(bad) + 1, [])


def test_where_nothing_is_refused_the_log_says_nothing_of_it(client, shop):
    client.predict(ONE)
    assert "refused" not in _logged(shop)[-1]


def test_nothing_is_logged_that_was_not_answered(client, shop):
    before = _logged(shop)
    client.refused({"instances": [{"customer_id": "nobody"}]}, 422)
    assert _logged(shop) == before


def test_metrics(client):
    client.predict(ONE)
    text = client.get("/metrics").text
    assert 'clientage_request_seconds_count{method="POST",route="/predict",status="200"}' in text
    assert 'clientage_request_seconds_bucket{le="0.0005",method="POST",route="/predict",status="200"}' in text
    assert 'clientage_predictions_total{segment_id="' in text
    assert 'clientage_model{role="served",version="' in text
    assert "clientage_log_backlog_bytes" in text


def test_the_page_shows_every_route_and_runs_no_script(client):
    page = client.get("/")
    assert page.mimetype == "text/html"
    for path in client.get("/openapi.json").json["paths"]:
        assert path in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_headers_of_all_answers(client):
    for answer in (client.get("/ping"), client.get("/nothing"), client.post("/predict", b"")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Request-Id"]
