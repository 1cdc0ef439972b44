"""Where the shop drifts, a challenger is trained and sent to the gate; what the gate says is a result."""

import os
import shutil
from datetime import timedelta

import pytest
from shops import free_port

from clientage import pipeline, training
from clientage.monitor import Judged, Monitored
from clientage.retraining import HeldOut, challenge, retrain
from clientage.settings import load
from clientage.tracking import registry

if not os.environ.get("CI"):
    pytest.importorskip("mlflow", reason="MLflow is not installed")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(sample_run, tmp_path_factory):
    """A workspace with a champion: settings, and what came of its training."""
    workspace = tmp_path_factory.mktemp("retraining") / "workspace"
    shutil.copytree(sample_run[0].workspace, workspace)
    limits = ["segments.bootstraps=5", "segments.min_stability=0.5", "segments.worst_stability=0.3"]
    settings = load(overrides=[f"workspace={workspace}", "monitor.retrain_days=0", *limits])
    return settings, challenge(settings)


def monitored(settings, verdict="drift", days=100):
    """What monitoring may have found: a window with a verdict, and a model made some days ago."""
    made = pipeline.looking(settings).today - timedelta(days=days)
    window = Judged(made + timedelta(days=7), verdict, "prices", 1.5, False)
    return Monitored((window,) if verdict else (), 7, made)


def changed(settings, **section):
    """The settings with some of `segments`, `monitor` or `tracking` changed."""
    return settings.model_copy(
        update={name: getattr(settings, name).model_copy(update=to) for name, to in section.items()}
    )


def champion(settings):
    return registry.get(training.store(settings), "champion").version


def test_the_first_champion_is_held_against_the_model_of_the_workspace(shop):
    settings, first = shop
    assert (first.trained, first.promoted, first.why, first.version) == (True, True, "", 1)
    assert all(check.passed for check in first.checks)
    assert None not in (first.before.r2, first.before.auc, first.after.r2, first.after.auc)
    assert (settings.workspace / "model" / "segments.json").exists()


@pytest.mark.parametrize(
    ("verdict", "why"), [("", "no window was judged"), ("ok", "does not drift"), ("watch", "does not drift")]
)
def test_without_drift_nothing_is_trained(shop, verdict, why):
    settings, _ = shop
    found = retrain(settings, monitored(settings, verdict))
    assert why in found.why
    assert (found.trained, found.version, found.checks, found.after) == (False, None, (), HeldOut())


def test_a_young_model_is_left_alone(shop):
    settings = changed(shop[0], monitor={"retrain_days": 28})
    found = retrain(settings, monitored(settings, days=27))
    assert not found.trained
    assert found.why.endswith("a model is left alone for 28 days (monitor.retrain_days)")
    assert found.why.startswith("the last challenger was made for ")


def test_drift_trains_and_promotes_and_the_hold_out_is_that_of_the_same_customers(shop):
    settings, first = shop
    told = []
    found = retrain(settings, monitored(settings), tell=lambda what, _: told.append(what))
    assert (found.trained, found.promoted, found.why) == (True, True, "")
    assert found.version == champion(settings) > first.version
    assert {"R² of spend", "segments matched"} <= {check.name for check in found.checks}
    reason = registry.history(training.store(settings))[0].reason
    assert reason.startswith("drift in the window from 20")
    assert found.before == first.after, "the champion before, on the customers it was trained from"
    assert {"gate", "train", "segment"} <= set(told)


def test_a_gate_that_says_no_is_a_result_and_the_shop_is_left_alone_after_it(shop):
    settings = changed(shop[0], segments={"min_share": 0.4})
    before = champion(settings)
    found = retrain(settings, monitored(settings))
    assert (found.trained, found.promoted) == (True, False)
    failed = [check.name for check in found.checks if not check.passed]
    assert failed[0] == "smallest segment"
    assert f"does not pass the gate: {' and '.join(failed)}." in found.why
    assert champion(settings) == before
    later = changed(settings, monitor={"retrain_days": 28})
    again = retrain(later, monitored(later))
    assert not again.trained
    assert again.why.startswith("the last challenger was made for ")


def test_where_the_registry_is_away_the_challenger_waits_and_goes_to_the_gate_before_another_is_trained(shop):
    settings = changed(shop[0], monitor={"retrain_days": 28})
    away = {"uri": f"http://127.0.0.1:{free_port()}"}
    found = retrain(changed(shop[0], tracking=away), monitored(settings))
    assert (found.trained, found.promoted, found.version) == (True, False, None)
    assert "cannot be used" in found.why
    assert found.after.r2 is not None
    found = retrain(changed(settings, tracking=away), monitored(settings))
    assert (found.trained, found.promoted, "cannot be used" in found.why) == (False, False, True)
    before = champion(settings)
    found = retrain(settings, monitored(settings))
    assert (found.trained, found.promoted, found.why) == (False, True, "")
    assert found.version == champion(settings) > before
    assert all(check.passed for check in found.checks)
    assert retrain(settings, monitored(settings)).why.startswith("the last challenger was made for ")


def test_one_that_waited_and_is_refused_counts(shop):
    settings = changed(shop[0], monitor={"retrain_days": 28})
    retrain(changed(shop[0], tracking={"uri": f"http://127.0.0.1:{free_port()}"}), monitored(settings))
    before = champion(settings)
    found = retrain(changed(settings, segments={"min_share": 0.4}), monitored(settings))
    assert (found.trained, found.promoted, champion(settings)) == (False, False, before)
    assert "does not pass the gate" in found.why
    assert registry.get(training.store(settings), "challenger").tags["status"] == "refused"
    assert retrain(settings, monitored(settings)).why.startswith("the last challenger was made for ")


def test_one_that_the_gate_was_never_asked_about_does_not_count(shop):
    settings = changed(shop[0], monitor={"retrain_days": 28})
    (never,) = training.train(settings).sent
    found = retrain(settings, monitored(settings))
    assert found.trained
    assert found.version > never.version
