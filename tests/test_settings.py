"""Settings: precedence, and one sentence for each that does not fit."""

import pytest

from clientage.errors import SettingsError
from clientage.settings import load, names
from clientage.transactions.clean import RULES, SERVICE_DESCRIPTIONS


@pytest.fixture(autouse=True)
def _nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_flags_go_before_the_environment_before_the_file_before_defaults(tmp_path, monkeypatch):
    assert load().segments.k == "auto"
    (tmp_path / "clientage.toml").write_text('[segments]\nk = 4\nrecipe = "rfm"\n[shop]\ncurrency = "£"\n')
    assert load().segments.k == 4
    monkeypatch.setenv("CLIENTAGE_SEGMENTS__K", "5")
    assert load().segments.k == 5
    found = load(overrides=["segments.k=6"])
    assert (found.segments.k, found.segments.recipe, found.shop.currency) == (6, "rfm", "£")


def test_an_empty_day_is_none(tmp_path):
    (tmp_path / "clientage.toml").write_text('as_of = ""\n')
    assert load().as_of is None
    assert load(overrides=["as_of="]).as_of is None


def test_a_file_of_another_name(tmp_path):
    path = tmp_path / "other.toml"
    path.write_text("[evaluate]\ncutoffs = [2011-09-09]\n")
    assert str(load(path).evaluate.cutoffs[0]) == "2011-09-09"


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["segments.kk=5"], "there is no setting segments.kk; did you mean segments.k?"),
        (["nonsense=5"], "there is no setting nonsense"),
        (["segments.k=1"], r"setting segments.k: give 2 or more .*'1'"),
        (["segments.k"], "--set segments.k: no value"),
        (["evaluate.cutoffs=[1"], "not valid JSON"),
        (["clean.duplicate=perhaps"], "setting clean.duplicate: give true or false \\(given: 'perhaps'\\)"),
        (["segments.k_min=9"], "segments.k_min is above segments.k_max"),
        (["segments=5"], "segments"),
        (["sweep.k=[]"], "the sweep has nothing to try: give sweep.n_init, max_iter, k and init a value each"),
        ([f"sweep.n_init={list(range(1, 900))}"], "would try 21,576 candidates, above 10,000: give shorter lists"),
        (['sweep.recipes=["quintile"]'], "setting sweep.recipes.*'quintile'"),
        (['sweep.weights=[{"monetary": -1}]'], r"setting sweep.weights.0.monetary: give 0 or more"),
        (['sweep.weights=[{"monetary": NaN}]'], r"setting sweep.weights.0.monetary"),
        (["sweep.weights=[5]"], "setting sweep.weights"),
        (["sweep.n_init=[0]"], "setting sweep.n_init"),
        (['sweep.init=["luck"]'], "setting sweep.init"),
        (["segmnts.k=5"], "did you mean segments?"),
        (["segments.quintiles.monetary=[1, 2]"], "four ascending limits"),
        (["segments.quintiles.monetary=[4, 3, 2, 1]"], "four ascending limits"),
        (["segments.k.x=5"], "segments.k"),
        (["segments.k=4", "segments.k.x=5"], "segments.k"),
        (["alerts.quiet_from=25:00", "alerts.quiet_until=7"], "quiet_until: write a time of day as 22:00.*'7'"),
        (["alerts.quiet_from=22:00"], "quiet hours have one end: give alerts.quiet_from and alerts.quiet_until"),
        (["alerts.quiet_from=22:00", "alerts.quiet_until=22:00"], "quiet hours end when they begin"),
        (["alerts.retries=11"], "setting alerts.retries: give 10 or less"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(overrides, said):
    with pytest.raises(SettingsError, match=said):
        load(overrides=overrides)


def test_all_problems_are_said_at_once():
    with pytest.raises(SettingsError) as caught:
        load(overrides=["segments.kk=5", "warehouse.threads=-1", "source.max_unreadable=2"])
    assert len(str(caught.value).splitlines()) == 3


def test_one_sentence_for_a_value_that_is_neither_number_nor_word():
    with pytest.raises(SettingsError) as caught:
        load(overrides=["segments.k=x"])
    assert len(str(caught.value).splitlines()) == 1


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(SettingsError, match="no such settings file"):
        load(tmp_path / "absent.toml")
    bad = tmp_path / "bad.toml"
    bad.write_text("segments = [")
    with pytest.raises(SettingsError, match="not valid TOML in UTF-8"):
        load(bad)


def test_bad_environment_values_are_named(monkeypatch):
    monkeypatch.setenv("CLIENTAGE_EVALUATE__CUTOFFS", "[1")
    with pytest.raises(SettingsError, match="environment"):
        load()


def test_misspelt_environment_variables_are_refused(monkeypatch):
    monkeypatch.setenv("CLIENTAGE_SEGMENT__K", "4")
    with pytest.raises(SettingsError, match="CLIENTAGE_SEGMENT__"):
        load()


def test_a_file_that_is_not_utf8(tmp_path):
    (tmp_path / "latin.toml").write_bytes('[shop]\nname = "Café"\n'.encode("latin-1"))
    with pytest.raises(SettingsError, match="UTF-8"):
        load(tmp_path / "latin.toml")


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        load().segments.k = 3


def test_every_cleaning_rule_has_its_switch():
    switches = {name.removeprefix("clean.").replace("_", " ") for name in names() if name.startswith("clean.")}
    assert switches - {"service descriptions"} == set(RULES)
    assert load().clean.service_descriptions == SERVICE_DESCRIPTIONS


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("https://ann:hunter2@example.com", "a secret in it"),
        ("https://hunter2@example.com", "a secret in it"),
        ("postgresql://u:hunter2@h/db", "a secret in it"),
        ("https://example.com?token=hunter2", "a secret in it"),
        ("https://example.com:port", "the port"),
        ("127.0.0.1:5000", "such as http://"),
    ],
)
def test_an_address_that_will_not_do_is_refused_without_repeating_it(monkeypatch, uri, told):
    with pytest.raises(SettingsError, match=told) as refused:
        load(overrides=[f"tracking.uri={uri}"])
    assert "hunter2" not in str(refused.value)
    monkeypatch.setenv("CLIENTAGE_TRACKING", f'"{uri}"')
    with pytest.raises(SettingsError) as refused:
        load()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("value", ["json://u:hunter2@h/ slack://hunter2", "[", "hunter2", '{"retries": 9}', ""])
def test_the_addresses_of_alerts_are_no_setting(monkeypatch, value):
    monkeypatch.setenv("CLIENTAGE_ALERTS", value)
    monkeypatch.setenv("CLIENTAGE_ALERTS__SETTLE", "4")
    assert (load().alerts.settle, load().alerts.retries) == (4, 3)
    assert "hunter2" not in repr(load())


@pytest.mark.parametrize(
    "given", ["https://a:hunter2@h/", "h/hunter2", "javascript:hunter2", "https://h/?token=hunter2"]
)
def test_a_dashboard_with_a_secret_in_its_address_is_refused_without_repeating_it(given):
    with pytest.raises(SettingsError, match=r"setting alerts\.dashboard_url: write the address of a page") as refused:
        load(overrides=[f"alerts.dashboard_url={given}"])
    assert "hunter2" not in str(refused.value)
    assert load(overrides=["alerts.dashboard_url=https://h.example:8050/a?b=c"]).alerts.dashboard_url


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("google.project=Our Shop", "google.project: write it as our-shop-123456"),
        ("google.region=Europe", "google.region: write it as europe-west1"),
        ("google.bucket=our-shop", "google.bucket: write it as gs://bucket/folder"),
        ("google.bucket=gs://our-shop/a*b", "google.bucket: write it as gs://bucket/folder"),
        ("google.bucket=gs://our-shop/..", "google.bucket: write it as gs://bucket/folder"),
        ("google.service_account=shop", "google.service_account: write it as name@our-shop.iam.gserviceaccount.com"),
        ("deploy.endpoint=Our_Shop", "deploy.endpoint: write it as clientage-shop"),
        ("deploy.canary=100", "deploy.canary: give 99 or less"),
        ("deploy.min_replicas=5", "deploy.min_replicas is above deploy.max_replicas"),
    ],
)
def test_what_google_would_refuse_is_refused_before(given, said):
    with pytest.raises(SettingsError, match=said):
        load(overrides=[given])
