"""Known changes of a simulated shop are found at once and named right; where nothing changed, nothing is said."""

import shutil
from datetime import date

import pytest

from clientage import pipeline
from clientage.monitor import monitor
from clientage.settings import load
from clientage.transactions.simulate import simulate

CHANGED = date(2024, 7, 29)
NAMED = {
    "price": "prices of the same products: +",
    "frequency": "orders: ",
    "assortment": "item mix: ",
    "returns": "returned: ",
    "country": "country mix: ",
    "missing": "no country: ",
}


def settings(workspace, as_of):
    return load(None, [f"workspace={workspace}", "segments.k=5", f"as_of={as_of}"])


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A steady shop, a model of its first half year, and what was usual in it."""
    folder = tmp_path_factory.mktemp("steady")
    simulate(2000, out=folder / "in.parquet", seed=1, start=date(2024, 1, 1), months=8, steady=True)
    steps = ["read", "clean", "features", "train", "segment"]
    pipeline.step(settings(folder / "workspace", "2024-07-01"), steps, str(folder / "in.parquet"))
    assert monitor(settings(folder / "workspace", "2024-07-01")).new == ()
    return folder


def later(base, folder, *shifts):
    """The same shop six weeks on; changed from a day on, or not."""
    shutil.copytree(base / "workspace", folder / "workspace")
    source = folder / "later.parquet"
    simulate(2000, out=source, seed=1, start=date(2024, 1, 1), months=8, steady=True, shifts=list(shifts))
    wanted = settings(folder / "workspace", "2024-08-12")
    pipeline.step(wanted, ["read", "clean", "features", "segment"], str(source))
    return monitor(wanted)


@pytest.mark.parametrize("kind", NAMED)
def test_a_change_is_found_within_two_windows_and_named(base, tmp_path, kind):
    found = later(base, tmp_path, f"{kind}@{CHANGED}")
    assert "drift" not in [each.verdict for each in found.new if each.window < CHANGED]
    after = [each for each in found.new if each.window >= CHANGED][:2]
    assert any(each.verdict == "drift" and NAMED[kind] in each.because for each in after)
    assert found.drifts


def test_a_shop_that_stays_as_it_was_does_not_drift(base, tmp_path):
    found = later(base, tmp_path)
    assert len(found.new) == 6
    assert [each.window for each in found.new if each.verdict == "drift"] == []
