"""The client of the service: every row answered once and in its place, patience, and one sentence where it ends."""

import json
import sys

import pyarrow.parquet as pq
import pytest
import urllib3.util.retry
from hypothesis import given, settings
from hypothesis import strategies as st
from moody import GOOD, Moody, told
from shops import free_port

from clientage.errors import ServiceError, SettingsError
from clientage.serving import client as client_module
from clientage.serving.client import reach
from clientage.serving.connection import connect

ONE = {"recency_days": 10, "frequency": 5, "monetary": 100.5, "lines_per_basket": 10, "units_per_line": 4}


def reached(address, **options):
    return reach(connect(address, pause=0), **options)


def asked(client, *instances):
    return client.ask([json.dumps(each).encode() for each in instances])


def test_answers_are_those_of_the_service(address, client):
    answers = asked(reached(address), ONE, ONE | {"recency_days": 300})
    version = client.get("/ping").headers["X-Model-Version"]
    assert answers == [row | {"version": version} for row in client.predict(ONE, ONE | {"recency_days": 300})]


def test_what_a_service_takes_is_what_its_model_needs(address):
    contract = reached(address).contract
    assert (contract.predict, contract.most, contract.components) == ("/predict", 2000, ())
    assert set(contract.needs) == set(ONE)


def test_products_come_with_the_answers(address, client, shop):
    customer = pq.read_table(shop / "tables/segments.parquet")["customer_id"][0].as_py()
    (answer,) = asked(reached(address, recommend=3), {"customer_id": customer})
    (same,) = client.predict({"customer_id": customer}, recommend=3)
    assert answer["recommendations"] == same["recommendations"]
    assert len(same["recommendations"]) == 3


KNOWN_BAD = [
    ONE | {"frequency": "x"},
    {"customer_id": "nobody"},
    {},
    5,
    {"customer_id": "a. instances[2].b: no."},
]  # the last one's words look like a place


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from([ONE, ONE | {"recency_days": 300}, *KNOWN_BAD]), min_size=1, max_size=30))
def test_rows_are_answered_together_as_alone(address, instances):
    service = reached(address)
    alone = {json.dumps(each): asked(service, each)[0] for each in instances}
    together = asked(service, *instances)
    for answer, of in zip(together, [alone[json.dumps(each)] for each in instances], strict=True):
        # the arithmetic of many rows is not that of one on every processor: its last digit differs
        nearly = {"distance": pytest.approx(of["distance"], rel=1e-12)} if "distance" in of else {}
        assert answer == of | nearly
    assert ["error" in answer for answer in together] == [each in KNOWN_BAD for each in instances]


def test_each_of_many_bad_rows_has_its_own_sentence(address):
    answers = asked(reached(address), *({"customer_id": f"n{i}"} for i in range(25)))
    assert [row["error"] for row in answers] == [f"customer_id: there is no customer n{i}." for i in range(25)]


def test_a_service_that_tells_of_no_row_is_asked_about_each(moody):
    service = moody(told(422, "none."), told(422, "first."), told(422, "second."))
    assert [row["error"] for row in asked(reached(service.address), 1, 2)] == ["first.", "second."]
    assert service.asked == [[1, 2], [1], [2]]


def test_requests_that_are_too_large_are_split(moody):
    service = moody(limit=3, most=8)
    assert len(asked(reached(service.address), *range(20))) == 20
    answered = [each for each in service.asked if len(each) <= 3]
    assert [i for each in answered for i in each] == list(range(20))
    assert max(map(len, service.asked)) == 8


def test_a_row_that_is_too_large_alone_is_refused_alone(moody):
    service = moody(told(413, "too large."), told(413, "too large."))
    assert asked(reached(service.address), 1, 2) == [{"error": "too large."}, GOOD | {"version": "3"}]


def test_requests_stay_below_the_size_that_is_taken(moody):
    service = moody()
    row = "x" * 600_000
    asked(reached(service.address), row, row, row, "y" * 1_500_000, row)
    assert [len(each) for each in service.asked] == [2, 1, 1, 1]


def test_many_products_are_asked_for_few_at_a_time(moody):
    assert reached(moody().address, recommend=100).most == 50
    assert reached(moody(most=7).address).most == 7
    assert reached(moody().address).most == client_module.MOST


@pytest.mark.parametrize("mood", [told(429), told(502), told(503), told(504), "cut"])
def test_what_passes_is_waited_for(moody, mood):
    service = moody(mood, mood)
    assert asked(reached(service.address), 7) == [GOOD | {"version": "3"}]
    assert service.asked == [[7]] * 3


def test_waits_are_those_that_the_service_asks_for_and_else_grow(moody, monkeypatch):
    waits = []
    monkeypatch.setattr(urllib3.util.retry.time, "sleep", waits.append)
    service = moody(told(429, Retry_After="7"), told(503, Retry_After="5"), "cut", told(503), told(504))
    asked(reach(connect(service.address, pause=0.5)), 1)
    assert waits == [7, 5, 2, 4, 8]


def test_what_does_not_pass_ends_in_a_sentence(moody):
    busy = moody(*[told(429, "too many requests.")] * 40)
    with pytest.raises(ServiceError, match=r"is still busy after many attempts: too many requests\.$"):
        asked(reached(busy.address), 1)
    cut = moody(*["cut"] * 40)
    with pytest.raises(ServiceError, match=r"does not answer \(the connection was cut\)\. Is `clientage serve`"):
        asked(reached(cut.address), 1)
    assert (len(busy.asked), len(cut.asked)) == (21, 4)


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        (told(500, "something went wrong here. Its number is 7."), "cannot answer: something went wrong here. Its num"),
        (told(400, "the body\x1b[31m is not JSON."), "cannot answer: the body·[31m is not JSON."),
        ((404, {}, b"<html>"), "cannot answer: status 404."),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), "cannot answer: status 302, moved to http://127.0.0.1:1/."),
        (told(401, "wrong key."), "wrong key. It is read from the environment variable CLIENTAGE_SERVE_KEY."),
        ((200, {}, b"{"), "answered something else than one prediction for each row."),
        ((200, {}, b"[]"), "answered something else"),
        ((200, {}, {"predictions": {}}), "answered something else"),
        (lambda rows: [GOOD] * (len(rows) + 1), "answered something else"),
        (lambda _: [], "answered something else"),
        (lambda _: [7], "answered something else"),
        (lambda _: [{}], "answered something else"),
        (lambda _: [{"error": 7}], "answered something else"),
        (lambda _: [GOOD | {"segment_id": "1"}], "answered something else"),
        (lambda _: [GOOD | {"distance": "far"}], "answered something else"),
        (lambda _: [GOOD | {"recommendations": [{}]}], "answered something else"),
    ],
)
def test_an_answer_that_is_none_ends_in_a_sentence(moody, mood, said):
    service = moody(mood)
    with pytest.raises(ServiceError) as refused:
        asked(reached(service.address), 1)
    assert str(refused.value).startswith(f"{service.address}: {said}")
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"<html>", "is not a service of `clientage serve`. Check --url."),
        ({"paths": {}}, "is not a service of `clientage serve`. Check --url."),
        ({"paths": [], "components": {"schemas": []}}, "is not a service of `clientage serve`. Check --url."),
        (Moody(needs=()).document, "has no model loaded yet. Ask again later."),
    ],
)
def test_a_service_of_another_kind(moody, document, said):
    service = moody()
    service.document = document
    with pytest.raises(ServiceError) as refused:
        reached(service.address)
    assert str(refused.value) == f"{service.address}: {said}"


def test_a_route_cannot_lead_elsewhere(moody):
    service = moody()
    service.document["paths"] = {"@127.0.0.1:1/ask": {"post": {"operationId": "predict"}}}
    with pytest.raises(ServiceError, match="is not a service"):
        reached(service.address)


def test_nobody_there():
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ServiceError) as refused:
        reached(address)
    assert str(refused.value) == f"{address}: does not answer (Connection refused). Is `clientage serve` running there?"


def test_the_key_goes_into_the_header_and_nowhere_else(moody):
    service = moody(told(403, "no."))
    client = reach(connect(f"{service.address}/", key="s3cret", pause=0))
    with pytest.raises(ServiceError) as refused:
        asked(client, 1)
    assert "s3cret" not in str(refused.value)
    assert "s3cret" not in repr(client.connection)
    assert service.headers[0]["Authorization"] == "Bearer s3cret"
    asked(reached(service.address), 1)
    assert "Authorization" not in service.headers[1]


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8080", "ftp://a", "http://", "http://a:x", "http://a b", "http://a?b", "http://a\n", "http://[a"],
)
def test_an_address_that_is_none(url):
    with pytest.raises(SettingsError, match=r"not the address of a service\. Write it as http://127\.0\.0\.1:8080\.$"):
        connect(url)


def test_an_address_with_a_password_is_refused_and_not_repeated():
    with pytest.raises(SettingsError) as refused:
        connect("http://me:s3cret@127.0.0.1:8080")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("key", ["a\nb", "a b", "ключ"])
def test_a_key_that_is_none_is_refused_and_not_repeated(key):
    with pytest.raises(SettingsError, match=r"^CLIENTAGE_SERVE_KEY: has a sign that no key has\.") as refused:
        connect("http://127.0.0.1:8080", key)
    assert key not in str(refused.value)


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "urllib3", None)
    with pytest.raises(SettingsError, match=r"pip install 'clientage\[serve\]'"):
        connect("http://127.0.0.1:8080")
