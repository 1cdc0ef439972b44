"""Cloud Run by its own library, against one on this machine."""

import pytest
from vertexes import PARENT, refused

from clientage.cloud import run as cloud_run
from clientage.context import MODEL
from clientage.deployment import revision_rollout as run_rollout
from clientage.deployment import run, words
from clientage.errors import CloudError, GateError, SettingsError

SERVICE = f"{PARENT}/services/clientage"


def split(cloud):
    """Percent by revision."""
    return {each["revision"]: each["percent"] for each in cloud.services[SERVICE]["traffic"] if each.get("percent")}


@pytest.fixture
def first(settings, to):
    """A service that has all traffic; the settings, and its revision."""
    given = settings()
    return given, run.deploy(to(), given).revision


def test_a_service_is_made_once(cloud, settings, to, pinned):
    given = settings("google.service_account=shop@our-shop.iam.gserviceaccount.com")
    done = run.deploy(to(), given)
    ((_, path, body),) = [change for change in cloud.changes if change[0] == "POST"]
    assert path.endswith("/services")
    template = body["template"]
    assert template["revision"] == done.revision
    assert template["scaling"] == {"maxInstanceCount": 2}
    assert template["serviceAccount"] == "shop@our-shop.iam.gserviceaccount.com"
    (container,) = template["containers"]
    assert container["image"] == pinned
    assert container["args"][:3] == ["serve", "--host", "0.0.0.0"]
    told = {each["name"]: each["value"] for each in container["env"]}
    assert told["CLIENTAGE_SERVE__MODEL"].startswith(f"{given.google.bucket}/models/")
    assert container["resources"] == {"limits": {"cpu": "1", "memory": "2Gi"}, "cpuIdle": True}  # billed by request
    assert container["startupProbe"]["httpGet"] == {"path": "/ping", "port": 8080}
    assert split(cloud) == {done.revision: 100}
    assert (done.health.asked, done.health.healthy) == (20, True)
    cloud.changes.clear()
    assert run.deploy(to(), given).health is None
    assert not cloud.changes


def test_another_model_is_asked_at_its_own_address_before_it_gets_all_traffic(cloud, first, to):
    given, before = first
    (given.workspace / "tables" / "affinities.parquet").unlink()
    cloud.changes.clear()
    done = run.deploy(to(), given)
    shared, whole = [body["traffic"] for method, _, body in cloud.changes if method == "PATCH"]
    kind = {"type": 2}
    assert shared == [
        kind | {"revision": done.revision, "percent": 10},
        kind | {"revision": before, "percent": 90},
        kind | {"revision": done.revision, "tag": "canary"},
    ]
    assert whole == [kind | {"revision": done.revision, "percent": 100}]
    assert done.health.asked == 20
    asked = [path for method, path in cloud.asked if path.endswith("/predict")]
    assert asked[-20:] == [f"/run/clientage/{done.revision}/predict"] * 20

    _, now, other = run.rollback(to(), given)
    assert (now.name, other.name) == (before, done.revision)
    assert split(cloud) == {before: 100}


def test_another_model_at_the_same_address_is_another_revision(cloud, settings, to, bucket):
    given = settings()
    document = (given.workspace / MODEL).read_text()
    bucket.put("trained/segments.json", document.encode())
    first = run.deploy(to(), given, f"{bucket.name}/trained")
    bucket.put("trained/segments.json", f"{document} ".encode())
    second = run.deploy(to(), given, f"{bucket.name}/trained")
    assert first.revision != second.revision
    assert (second.health.asked, split(cloud)) == (20, {second.revision: 100})


@pytest.mark.parametrize("fault", ["answers", "starts"])
def test_a_model_that_fails_leaves_all_traffic_to_the_one_before(cloud, first, to, fault):
    given, before = first
    (given.workspace / "tables" / "affinities.parquet").unlink()
    if fault == "starts":
        cloud.fails["update service clientage-"] = (9, "The user-provided container failed to start and listen.")
        wanted, said = CloudError, "Cloud Run refuses .FailedPrecondition.. It says: The user-provided container failed"
    else:
        cloud.serves = lambda revision: (lambda body: (500, {})) if revision != before else None
        wanted, said = GateError, "The first that failed: HTTP 500. The model before has all traffic again"
    with pytest.raises(wanted, match=said):
        run.deploy(to(), given)
    assert split(cloud) == {before: 100}


def test_a_revision_that_failed_to_start_does_not_block_its_model(cloud, first, to):
    given, before = first
    (given.workspace / "tables" / "affinities.parquet").unlink()
    for _ in range(2):
        cloud.fails["update service clientage-"] = (9, "The user-provided container failed to start and listen.")
        with pytest.raises(CloudError, match=r"The user-provided container failed"):
            run.deploy(to(), given)
    cloud.fails.clear()
    failed = [each.name for each in run.at(to(), given).revisions if each.failed]
    assert len(failed) == 2
    name = min(failed, key=len)
    cloud.changes.clear()
    done = run.deploy(to(), given)
    assert (done.revision, split(cloud)) == (f"{name}-3", {f"{name}-3": 100})
    assert [body.get("template", {}).get("revision") for _, _, body in cloud.changes] == [f"{name}-3", None]
    assert run.rollback(to(), given)[1].name == before  # those that failed are none to go back to
    assert "did not start" in words.service(run.at(to(), given)).lines[2]


def test_a_service_none_of_whose_revisions_started_gets_one_that_has_all_traffic(cloud, settings, to):
    given = settings()
    run.deploy(to(), given)
    ((name, revision),) = cloud.services[SERVICE]["made"].items()
    revision["conditions"][0]["state"] = "CONDITION_FAILED"
    assert run.deploy(to(), given).revision == f"{name}-2"
    assert split(cloud) == {f"{name}-2": 100}


@pytest.mark.parametrize(("least", "resources"), [(0, {"cpuIdle": True}), (1, {})])
def test_a_service_is_billed_by_request_unless_a_container_is_kept(cloud, settings, to, least, resources):
    run.deploy(to(), settings(f"deploy.min_containers={least}"))
    (container,) = cloud.services[SERVICE]["template"]["containers"]
    assert {key: value for key, value in container["resources"].items() if key != "limits"} == resources


def test_a_first_model_that_was_not_judged_to_the_end_is_judged_again(cloud, settings, to, monkeypatch):
    """And keeps the service where it fails, as others may have been let into it meanwhile."""
    given, before, let_in = settings(), [], []
    monkeypatch.setattr(run_rollout, "LETS_IN", -1)
    monkeypatch.setattr(cloud_run, "token", lambda *_: let_in.append(1) or "")
    cloud.serves = lambda revision: before.append(cloud.services[SERVICE]["trafficStatuses"])
    first = run.deploy(to(), given)
    assert len(let_in) == first.health.asked == 20  # another one for each, where each lasts no longer
    cloud.services[SERVICE]["trafficStatuses"] = before[0]  # as it is left where the command is killed
    cloud.serves = lambda revision: lambda body: (500, {})
    with pytest.raises(GateError, match=r"It has all traffic still, as no other is there"):
        run.deploy(to(), given)
    assert split(cloud) == {first.revision: 100}
    cloud.serves = lambda revision: None
    assert (run.deploy(to(), given).health.asked, run.deploy(to(), given).health) == (20, None)


def test_a_first_model_that_fails_leaves_no_service(cloud, settings, to):
    cloud.serves = lambda revision: lambda body: (500, {})
    with pytest.raises(GateError, match=r"It was alone, and was taken away"):
        run.deploy(to(), settings())
    assert SERVICE not in cloud.services


def test_traffic_is_shared_and_the_service_removed(cloud, first, to):
    given, before = first
    assert [each.percent for each in run.share(to(), given, {before: 100}).revisions] == [100]
    with pytest.raises(CloudError, match=rf"there is no revision other. There is {before}"):
        run.share(to(), given, {"other": 100})
    with pytest.raises(SettingsError, match=r"50 percent together"):
        run.share(to(), given, {before: 50})
    with pytest.raises(CloudError, match=r"clientage has no revision before"):
        run.rollback(to(), given)
    assert run.delete(to(), given).name == SERVICE
    assert run.delete(to(), given) is None
    with pytest.raises(CloudError, match=r"there is no service clientage. Make one: clientage deploy run deploy"):
        run.at(to(), given)


def test_a_rehearsal_asks_nothing(cloud, first, to):
    given, before = first
    (given.workspace / "tables" / "affinities.parquet").unlink()
    cloud.changes.clear()
    rehearsal = to(True)
    assert run.deploy(rehearsal, given) is None
    assert not cloud.changes
    share, whole = rehearsal.calls
    assert (share.method, "template" in share.body, "template" in whole.body) == ("PATCH", True, False)
    assert share.body["traffic"][1] == {"type": 2, "revision": before, "percent": 90}


def test_what_cloud_run_denies_is_told_with_the_mend(cloud, settings, to):
    cloud.plan = lambda method, path, body: (
        refused(403, "Permission 'run.services.create' denied on resource") if path.endswith("/services") else None
    )
    with pytest.raises(CloudError, match=r"run.services.create\). Grant it roles/run.admin"):
        run.deploy(to(), settings())
