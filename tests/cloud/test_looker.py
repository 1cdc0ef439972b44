"""Links that make reports of Looker Studio: every parameter, and nothing that would leave its place."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from clientage.cloud import looker
from clientage.cloud.views import views
from clientage.errors import SettingsError

ADDRESS = "bigquery://our-shop/shop"
REPORT = "1f2e3d4c-aaaa-bbbb-cccc-0123456789ab"


def parameters(link):
    parts = urlsplit(link)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "lookerstudio.google.com", "/reporting/create")
    found = parse_qs(parts.query, strict_parsing=True, keep_blank_values=True)
    assert all(len(values) == 1 for values in found.values())
    return {key: values[0] for key, values in found.items()}


def test_a_link_for_each_view():
    links = looker.links(ADDRESS, name="Our shop & café = #1")
    assert set(links) == {view.name for view in views()}
    assert parameters(links["drift_verdicts"]) == {
        "c.mode": "edit",
        "r.reportName": "Our shop & café = #1: drift_verdicts",
        "ds.connector": "bigQuery",
        "ds.type": "TABLE",
        "ds.datasourceName": "drift_verdicts",
        "ds.projectId": "our-shop",
        "ds.datasetId": "shop",
        "ds.tableId": "drift_verdicts",
        "ds.billingProjectId": "our-shop",
    }
    assert all(link.isascii() and not set(' "<>#') & set(link) for link in links.values())


def test_a_report_that_is_copied_gets_all_views_by_their_names():
    links = looker.links("bigquery://example.com:our-shop/shop", name="Ours", template=REPORT, billing="who-pays")
    found = parameters(links.pop("report"))
    assert not links
    assert (found["c.reportId"], found["r.reportName"]) == (REPORT, "Ours")
    for view in views():
        assert found[f"ds.{view.name}.tableId"] == view.name
        assert found[f"ds.{view.name}.projectId"] == "example.com:our-shop"
        assert found[f"ds.{view.name}.billingProjectId"] == "who-pays"
    assert len(found) == 3 + 7 * len(views())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"address": "bigquery://our-shop"}, "dataset: not an address of a dataset"),
        ({"template": "https://lookerstudio.google.com/reporting/x"}, "--template: no id of a report"),
        ({"billing": "Who Pays"}, "--billing: Who Pays is no id of a project"),
        ({"billing": "pays"}, "--billing: pays is no id of a project"),  # as everywhere, 6 letters at least
    ],
)
def test_what_is_no_address_report_or_project_is_told(given, told):
    with pytest.raises(SettingsError, match=told):
        looker.links(given.pop("address", ADDRESS), name="x", **given)


def test_the_command_prints_links_and_reaches_nothing(command):
    found = command("deploy", "looker-studio", ADDRESS)
    assert found.returncode == 0
    lines = found.stdout.splitlines()
    assert [line for line in lines if not line.startswith(("  https://", "next: "))] == [view.name for view in views()]
    set_ = ("--set", f"serve.sink={ADDRESS}")
    as_json = command("deploy", "looker-studio", *set_, "--template", REPORT, "--json")
    assert list(json.loads(as_json.stdout)["links"]) == ["report"]
    assert "which dataset?" in command("deploy", "looker-studio").stderr
