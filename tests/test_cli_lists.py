"""Lists and forgetting, as people type them."""

import csv
import json
import os
import pty
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

KEY = "a secret of the shop"


@pytest.fixture
def shop(sample_run, tmp_path):
    """The sample's workspace in the folder of the command."""
    return shutil.copytree(sample_run[0].workspace, tmp_path / "workspace")


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_list_of_a_segment(command, shop, tmp_path):
    found = command(
        "export", "audience", "--segment", "1", "--where", "recency_days < 60", "--top", "10", "--by", "spend"
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "10 customers in audience.csv\n", "")
    listed = rows(tmp_path / "audience.csv")
    segments = {
        row["customer_id"]: row["segment"] for row in pq.read_table(shop / "tables/segments.parquet").to_pylist()
    }
    assert len(listed) == 10
    assert {row["segment"] for row in listed} == {segments[row["customer_id"]] for row in listed}
    everybody = {row["customer_id"]: row for row in pq.read_table(shop / "tables/customers.parquet").to_pylist()}
    spends = [everybody[row["customer_id"]]["spend"] for row in listed]
    assert spends == sorted(spends, reverse=True)


def test_all_customers_in_parquet_in_order(command, shop, tmp_path):
    found = command("export", "audience", "--out", "all.parquet", "--by", "monetary", "--json")
    said = json.loads(found.stdout)
    table = pq.read_table(tmp_path / "all.parquet")
    assert said == {"customers": table.num_rows, "out": "all.parquet", "columns": table.column_names}
    assert table.num_rows == pq.read_metadata(shop / "tables/customers.parquet").num_rows
    keys = [(-row["spend"], row["customer_id"]) for row in table.to_pylist()]
    assert keys == sorted(keys)


def test_fewer_than_asked_for_is_said(command, shop):
    found = command("export", "audience", "--top", "999999")
    assert found.stdout == "2,000 customers in audience.csv, all that fit of the 999,999 asked for\n"


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_nobody_fits_and_nothing_is_written(command, shop, tmp_path, as_json):
    (tmp_path / "audience.csv").write_text("earlier", encoding="utf-8")
    found = command("export", "audience", "--where", "monetary < 0", *as_json)
    assert (found.returncode, found.stderr) == (0, "")
    assert json.loads(found.stdout)["out"] is None if as_json else "no customer fits" in found.stdout
    assert (tmp_path / "audience.csv").read_text(encoding="utf-8") == "earlier"


def test_digests_in_place_of_ids(command, shop, tmp_path):
    found = command("export", "audience", "--hash-ids", "--top", "3", CLIENTAGE_ID_KEY=KEY)
    assert found.returncode == 0, found.stderr
    listed = rows(tmp_path / "audience.csv")
    assert all(len(row["id_hash"]) == 64 and "customer_id" not in row for row in listed)
    again = command("export", "audience", "--hash-ids", "--top", "3", "--out", "b.csv", CLIENTAGE_ID_KEY=f"{KEY}!")
    assert again.returncode == 0
    assert rows(tmp_path / "b.csv")[0]["id_hash"] != listed[0]["id_hash"]
    assert KEY not in found.stdout + found.stderr + (tmp_path / "audience.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--segment", "Zebras"], 1, "the segments are 1 ("),
        (["--segment", ""], 2, "--segment: empty. Leave it out, or say what it is."),
        (["--where", "recency > 6"], 1, "Did you mean recency_days?"),
        (["--where", ""], 2, "--where: empty"),
        (["--where", " "], 1, "not a condition"),
        (["--by", "sped"], 1, "Did you mean spend?"),
        (["--top", "0"], 2, "--top"),
        (["--format", "xlsx"], 2, "csv or parquet"),
        (["--hash-ids"], 2, "CLIENTAGE_ID_KEY is not set"),
        (["--out", "absent/list.csv"], 1, "absent/list.csv: cannot be written"),
        (["--workspace", "nowhere"], 1, "there is no table customers yet"),
    ],
)
def test_a_list_that_cannot_be_made(command, shop, tmp_path, arguments, code, said):
    found = command("export", "audience", *arguments)
    assert (found.returncode, found.stdout) == (code, "")
    assert said in found.stderr
    assert "Traceback" not in found.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["workspace"]


def test_without_the_name_of_a_list_the_lists_are_named(command):
    assert "audience" in command("export", "--help").stdout
    assert "--segment" in command("export", "audience", "--help").stdout


def somebody(shop):
    return pq.read_table(shop / "tables/customers.parquet")["customer_id"][7].as_py()


def test_forgetting_needs_a_yes(command, shop):
    customer = somebody(shop)
    refused = command("forget", customer)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "Add --yes" in refused.stderr
    assert not (shop / "forgotten").exists()
    found = command("forget", customer, "--yes")
    assert found.returncode == 0, found.stderr
    assert "1 customers · 1 segments" in found.stdout
    assert "copies" not in found.stdout
    assert "receipt     workspace/forgotten/" in found.stdout
    again = command("forget", customer, "--yes")
    assert again.returncode == 1
    assert "no table of workspace has them" in again.stderr


def test_forgetting_tells_of_copies_that_it_does_not_reach(command, shop):
    found = command("forget", somebody(shop), "--yes", "--set", "google.bucket=gs://our-shop/c")
    assert found.returncode == 0, found.stderr
    assert (
        "copies      models that were deployed may still have the customer, in gs://our-shop/c/models, "
        "gs://our-shop/c/training and gs://our-shop/c/pipeline: deploy again, and remove those of before.\n"
    ) in found.stdout


def test_forgetting_for_machines(command, shop):
    customer = somebody(shop)
    said = json.loads(command("forget", customer, "--yes", "--json").stdout)
    assert said["rows"]["customers"] == 1
    assert customer not in json.dumps(said["customer"])


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 1), (b"y\n", 0)])
def test_on_a_terminal_it_is_asked(shop, tmp_path, answer, code):
    terminal, inside = pty.openpty()
    asked = subprocess.Popen(
        [sys.executable, "-c", "from clientage.cli import main; main()", "forget", somebody(shop)],
        cwd=tmp_path, stdin=inside, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.write(terminal, answer)
    _, said = asked.communicate(timeout=60)
    assert asked.returncode == code
    assert "for good? [y/N]" in said
    assert (shop / "forgotten").exists() == (code == 0)
