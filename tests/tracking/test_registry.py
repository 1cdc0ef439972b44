"""Champions on a real MLflow server: one at a time, with a history."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from shops import free_port

from clientage.errors import GateError, TrackingError
from clientage.tracking import registry
from clientage.tracking.store import Store


def set_champion(store, wanted, **more):
    seen, champion = registry.history(store), registry.find(store, "champion")
    return registry.set_champion(store, registry.get(store, wanted), seen, champion, **more)


def test_the_challenger_becomes_champion_and_the_former_is_archived(store, trained):
    trained(store)
    first = set_champion(store, "challenger", gate=["passed  contract: fine"])
    trained(store)
    second = set_champion(store, "challenger", reason="better", forced=True)
    assert (first.version, first.previous, second.version, second.previous) == (1, None, 2, 1)
    assert registry.get(store, "champion").version == 2
    assert registry.get(store, "1").tags["status"] == "archived"
    assert registry.history(store) == [second, first]
    assert (second.forced, second.reason, first.gate) == (True, "better", ("passed  contract: fine",))
    assert [(each.version, each.aliases) for each in registry.versions(store)] == [
        (2, ("challenger", "champion")),
        (1, ()),
    ]


def test_of_many_promotions_at_once_one_wins_and_the_others_are_told(store, trained):
    for _ in range(3):
        trained(store)
    seen, champion = registry.history(store), registry.find(store, "champion")
    versions = [registry.get(store, str(number)) for number in (1, 2, 3)]

    def attempt(version):
        try:
            return registry.set_champion(store, version, seen, champion).version
        except GateError as late:
            return str(late)

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(attempt, versions))
    (winner,) = (each for each in found if isinstance(each, int))
    assert registry.get(store, "champion").version == winner
    assert all("came first" in each for each in found if isinstance(each, str))
    assert [change.kind for change in registry.history(store)].count("promotion") == 1
    # and the way is free again
    assert set_champion(store, str(1 + winner % 3)).previous == winner


def test_who_decided_on_another_champion_comes_too_late(store, trained):
    trained(store)
    trained(store)
    with store.reached() as client:
        client.set_registered_model_alias(store.model, "champion", "2")
    with pytest.raises(GateError, match="came first"):
        registry.set_champion(store, registry.get(store, "1"), registry.history(store), None)
    assert registry.get(store, "champion").version == 2


def test_who_looks_while_a_promotion_is_under_way_is_told_to_wait(store, trained, monkeypatch):
    for _ in range(2):
        trained(store)
    set_champion(store, "1")
    died = ConnectionError("the line went dead between the claim and the alias")

    def dead(*_):
        raise died

    with store.reached() as client, monkeypatch.context() as broken:
        broken.setattr(type(client), "set_registered_model_alias", dead)
        with pytest.raises(TrackingError, match="line went dead"):
            set_champion(store, "2")
    assert registry.history(store)[0].kind == registry.PENDING
    with pytest.raises(GateError, match="right now"):
        set_champion(store, "2")
    monkeypatch.setattr(registry, "DEAD", 0.0)  # as if it were long ago
    assert registry.before(registry.history(store), 1) is None, "what died is no promotion"
    assert set_champion(store, "2").previous == 1
    assert registry.before(registry.history(store), 2) == 1
    # a champion that somebody made by hand goes back to the last one that is known
    assert registry.before(registry.history(store), 7) == 2


def test_rollbacks_go_back_through_the_promotions(store, trained):
    for _ in range(3):
        trained(store)
        set_champion(store, "challenger")
    found = []
    while number := registry.before(registry.history(store), registry.get(store, "champion").version):
        set_champion(store, str(number), kind=registry.ROLLBACK)
        found.append(number)
    assert found == [2, 1]
    assert registry.get(store, "3").tags["status"] == "rolled back"


@pytest.mark.parametrize(("wanted", "told"), [("7", "no version 7"), ("champion", "with the alias champion")])
def test_what_is_not_there_is_told_with_what_is(store, trained, wanted, told):
    with pytest.raises(TrackingError, match="Make one with"):
        registry.get(store, wanted)
    trained(store)
    with pytest.raises(TrackingError, match=told) as error:
        registry.get(store, wanted)
    assert "It has 1" in str(error.value)
    assert registry.find(store, wanted) is None


def test_a_registry_that_is_away_is_told(tmp_path):
    away = Store(f"http://127.0.0.1:{free_port()}", "x", "y", tmp_path)
    with pytest.raises(TrackingError, match="cannot be used"):
        registry.versions(away)


def test_a_model_of_somebody_else_is_told(store):
    with store.reached() as client:
        client.create_registered_model(store.model)
        run = client.create_run("0")
        client.log_dict(run.info.run_id, {}, "other/file.json")
        client.create_model_version(store.model, f"runs:/{run.info.run_id}/other", run.info.run_id)
    with pytest.raises(TrackingError, match="holds no model of Clientage"):
        registry.document(store, registry.get(store, "1"))
