"""What a month costs: sums that can be done by hand, and prices that say where they are from."""

import dataclasses
import re
from pathlib import Path

import pytest

from clientage.cloud import costs
from clientage.cloud.costs import PRICES, Shop
from clientage.settings import Settings

MONTH = 730 * 3600  # seconds
SMALL, LARGE = Shop(1_000, 1_000), Shop(5_000_000, 100_000_000)


@pytest.fixture
def figure(monkeypatch):
    """Sets one figure for the test."""

    def set_(name, value):
        known = costs.FIGURES[name]
        monkeypatch.setitem(costs.FIGURES, name, dataclasses.replace(known, value=value))

    return set_


@pytest.mark.parametrize("name", PRICES)
def test_a_price_says_where_and_when_it_was_published(name):
    price = PRICES[name]
    assert 0 < price.usd < 1 or price.unit == "TiB"
    assert re.fullmatch(r"cloud\.google\.com/[\w-]+/pricing", price.source)
    assert re.fullmatch(r"20\d\d-\d\d|no date", price.read)


def test_copies_of_the_workspace_are_those_that_are_kept():
    terraform = (Path(__file__).parents[2] / "deploy" / "terraform" / "variables.tf").read_text(encoding="utf-8")
    removed = int(re.search(r'"removed_days" \{.*?default += (\d+)', terraform, re.S)[1])
    assert costs.FIGURES["copies"].value == Settings().warehouse.publications + removed


@pytest.mark.parametrize("name", costs.FIGURES)
def test_a_figure_says_where_it_is_from(name):
    assert costs.FIGURES[name].value > 0
    assert costs.FIGURES[name].basis
    assert costs.FIGURES[name].meaning


def test_what_is_free_costs_nothing_and_only_the_rest_is_paid():
    price = costs.Price(2.0, "unit", "cloud.google.com/x/pricing", "2026-09", free=10)
    assert [price.of(units) for units in (0, 10, 11.5)] == [0, 0, 3]


def test_an_endpoint_costs_the_same_when_nobody_asks():
    assert costs.endpoint(Shop(1, 0)) == pytest.approx(730 * 0.1095)
    assert costs.endpoint(SMALL) == costs.endpoint(Shop(1, 0))
    assert costs.smallest_endpoint(SMALL) == pytest.approx(730 * 0.0770564)


def test_machines_are_for_the_busiest_hour(figure):
    for name, value in {"rate": 100, "busy": 0.5, "peak": 4}.items():
        figure(name, value)
    most = MONTH * 25  # requests: 100 a second in the busiest hour, which is all that two vCPUs may answer
    assert costs.nodes(most, vcpus=2) == 1
    assert costs.nodes(most + MONTH, vcpus=2) == 2
    assert costs.nodes(0, vcpus=2) == 1


def test_cloud_run_by_request_is_free_for_a_small_shop_and_grows_to_that_of_an_instance_always_at_work():
    assert costs.run_by_request(SMALL) == 0
    everything = MONTH * (0.000024 + 2 * 0.0000025) - 180_000 * 0.000024 - 360_000 * 0.0000025
    requests = (LARGE.requests - 2_000_000) * 0.0000004
    assert costs.run_by_request(LARGE) == pytest.approx(everything + requests)


def test_cloud_run_by_instance_costs_one_instance_at_least():
    everything = MONTH * (0.000018 + 2 * 0.000002) - 240_000 * 0.000018 - 450_000 * 0.000002
    assert costs.run_by_instance(Shop(1, 0)) == pytest.approx(everything)


def test_bigquery_bills_small_tables_as_ten_megabytes(figure):
    assert costs.scored_in_sql(SMALL) == 0
    figure("scored", 2**20)  # so that a thousand customers are 1,000 MiB
    assert costs.scored_in_sql(SMALL, times=2**20) == pytest.approx((1000 - 1) * 6.25)
    assert costs.scored_in_sql(Shop(1, 0), times=2**20 / 10 * 2) == pytest.approx(6.25)  # two TiB, one of them free


def test_a_job_is_paid_from_its_start(figure):
    figure("start", 3600)
    assert costs.runs_on_a_machine(Shop(0, 0), times=2) == pytest.approx(2 * 0.21849885)
    assert costs.batch(Shop(0, 0), times=2) == pytest.approx(2 * 0.1095)


def test_a_batch_costs_a_machine_for_as_long_as_it_takes(figure):
    figure("start", 1800)
    figure("rate", 1000)
    assert costs.batch(Shop(3_600_000, 0), times=1) == pytest.approx(0.1095)


@pytest.mark.parametrize(
    "way", [costs.runs_in_bigquery, costs.runs_on_a_machine, costs.storage, costs.batch, costs.run_by_request]
)
def test_more_costs_more(way):
    assert way(LARGE) > way(SMALL)


def test_storage_is_the_sum_of_its_parts(figure):
    for name, value in {"kept": 2**30, "report": 2**30, "copies": 3, "line": 2**30, "lines": 20, "image": 1}.items():
        figure(name, value)
    figure("images", 2)
    assert costs.storage(Shop(1, 0)) == pytest.approx(21 * 3 * 0.02 + (20 - 10) * 0.023 + 1.5 * 0.10)


def test_composer_and_the_reference_project():
    assert costs.composer(1, gib=0) == pytest.approx(43.8)
    assert costs.composer(0, gib=10) == pytest.approx(1.7, abs=0.001)
    assert costs.theirs() == pytest.approx(5.33 + 6.63 * 365 / 12)


def test_settings_and_what_is_told_go_by_the_same_prices():
    assert Settings().warehouse.price == PRICES["BigQuery, reading"].usd
    assert costs.machine_hour(Settings().deploy.machine) == 0.1095
    assert costs.machine_hour("n1-highmem-96") is None
