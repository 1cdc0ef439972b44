"""A folder of a bucket, by Google's own library against an emulator; what goes wrong is told in a sentence."""

import pytest
from storages import BUCKET, failed

from clientage.cloud import storage as door
from clientage.cloud.storage import Folder, fingerprint
from clientage.errors import CloudError, SettingsError, WorkspaceError


@pytest.fixture
def folder(bucket_gate, address):
    return Folder(address)


@pytest.fixture
def hurried(monkeypatch):
    """Little patience with what does not answer."""
    monkeypatch.setattr(door, "SMALL", 0.5)
    monkeypatch.setattr(door, "LARGE", 0.5)


def put(folder, name, data, tmp_path):
    path = tmp_path / "given"
    path.write_bytes(data)
    return folder.put(name, path)


def test_what_is_put_is_there(folder, tmp_path):
    large = bytes(range(256)) * 40_000  # more than goes up in one piece
    generation = put(folder, "objects/ä b", large, tmp_path)
    assert folder.names("objects/") == {"objects/ä b": generation}
    assert folder.fetch("objects/ä b", tmp_path / "taken")
    assert (tmp_path / "taken").read_bytes() == large
    assert not folder.fetch("objects/c", tmp_path / "nothing")
    assert folder.read("objects/c") == (b"", 0)


def test_only_the_generation_that_is_meant_is_replaced_and_removed(folder, tmp_path):
    first = folder.replace("current", b"1", 0)
    assert first
    assert not folder.replace("current", b"2", 0)
    second = folder.replace("current", b"2", first)
    assert folder.read("current") == (b"2", second)
    folder.remove("current", first)
    assert folder.generation("current") == second
    folder.remove("current", second)
    folder.remove("current", second)
    assert folder.generation("current") == 0


def test_an_answer_that_is_lost_does_not_lose_what_was_replaced(folder, bucket_gate):
    """It is asked for again, and finds itself there."""
    lost = iter([failed(503)])
    bucket_gate.after = lambda method, path, name: next(lost, None) if method == "POST" else None
    generation = folder.replace("current", b"1", 0)
    assert generation
    assert folder.read("current") == (b"1", generation)


def test_a_fingerprint_changes_with_what_lies_there_and_with_nothing_else(folder, tmp_path):
    places = [f"{folder.address}/{each}" for each in ("in/a.csv", "in", "in/*.csv")]
    put(folder, "in/a.csv", b"1", tmp_path)
    put(folder, "inside.csv", b"1", tmp_path)
    before = [fingerprint(each) for each in places]
    put(folder, "in/a.csv", b"1", tmp_path)
    put(folder, "inside.csv", b"2", tmp_path)
    assert [fingerprint(each) for each in places] == before
    put(folder, "in/a.csv", b"2", tmp_path)
    assert not set(before) & {fingerprint(each) for each in places}
    put(folder, "in/b.csv", b"2", tmp_path)
    assert fingerprint(places[1]) != before[1]
    with pytest.raises(CloudError, match=r"in/c\.csv: there is nothing\. Copy"):
        fingerprint(f"{folder.address}/in/c.csv", CloudError)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            failed(403, "forbidden"),
            "roles/storage.objectAdmin: gcloud storage buckets add-iam-policy-binding gs://our-",
        ),
        (failed(403, "quotaExceeded"), "a quota of Cloud Storage is used up"),
        (failed(403, "accountDisabled"), "no billing account"),
        (failed(429, "rateLimitExceeded"), "a quota of Cloud Storage is used up"),
        (failed(401, "authError"), "gcloud auth application-default login"),
        (failed(503), "does not answer"),
        (failed(400, "invalid", "secret"), r"refuses \(BadRequest\)"),
    ],
)
@pytest.mark.usefixtures("hurried")
def test_what_google_refuses_is_told_with_its_mend(folder, bucket_gate, tmp_path, answer, said):
    bucket_gate.plan = lambda method, path, name: answer
    for call in (
        lambda: folder.read("current"),
        lambda: folder.replace("current", b"1", 0),
        lambda: put(folder, "a", b"1", tmp_path),
        lambda: folder.fetch("a", tmp_path / "taken"),
        lambda: folder.names(""),
        lambda: folder.remove("a", 1),
    ):
        with pytest.raises(WorkspaceError, match=said) as refused:
            call()
        assert str(refused.value).startswith(folder.address)
        assert "secret" not in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("bucket_gate")
def test_there_is_no_such_bucket():
    with pytest.raises(WorkspaceError, match=r"no bucket nobodys\. Make it: gcloud storage buckets create gs://"):
        Folder("gs://nobodys/shop").read("current")


@pytest.mark.usefixtures("hurried")
def test_the_network_is_away(address, monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    with pytest.raises(WorkspaceError, match="Cloud Storage does not answer"):
        Folder(address).read("current")


def test_there_are_no_credentials(address, monkeypatch, tmp_path):
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # there is no metadata server to wait for
    for call in (
        lambda: Folder(address).read("current"),
        lambda: Folder(address).replace("current", b"1", 0),
        lambda: put(Folder(address), "a", b"1", tmp_path),
    ):
        with pytest.raises(WorkspaceError, match=r"no credentials of Google Cloud\. Log in with `gcloud auth"):
            call()


@pytest.mark.parametrize(
    "address", ["gs://", "gs:///shop", "gs://a", "gs://Shop/x", "s3://shop/x", "gs://shop/../x", "gs://shop/a*b"]
)
def test_an_address_that_is_none(address):
    with pytest.raises(SettingsError, match="gs://BUCKET/FOLDER"):
        Folder(address)


def test_slashes_at_the_end_mean_nothing():
    assert Folder(f"gs://{BUCKET}/a/b//").address == f"gs://{BUCKET}/a/b"
    assert Folder(f"gs://{BUCKET}").address == f"gs://{BUCKET}"
