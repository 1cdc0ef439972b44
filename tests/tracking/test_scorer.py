"""The model by MLflow alone: loaded by its alias in an environment without Clientage, it answers as Clientage does."""

import json
import subprocess

import numpy as np
import pandas as pd
import pytest
from shops import columns

from clientage.segments.document import dumps
from clientage.segments.fit import fit_centroids, fit_grid
from clientage.segments.space import RECIPES
from clientage.tracking import registry, scorer

LOAD = """
import json, sys
import mlflow, pandas
mlflow.set_tracking_uri(sys.argv[1])
try:
    import clientage
    sys.exit("Clientage is installed here")
except ImportError:
    pass
model = mlflow.pyfunc.load_model(sys.argv[2])
customers = pandas.read_json(sys.stdin, orient="split", dtype="float64")
print(model.predict(customers).to_json(orient="split", double_precision=15))
"""


@pytest.mark.slow
def test_in_a_bare_environment_it_gives_the_same_segments(store, trained, bare, tmp_path):
    registry.set_champion(store, registry.get(store, str(trained(store))), [], None)
    found = columns(200, seed=5)
    model = fit_centroids(RECIPES["behaviour"], columns(120), 3)
    frame = pd.DataFrame({name: found[name] for name in model.space.features})
    done = subprocess.run(
        [str(bare), "-c", LOAD, store.uri, f"models:/{store.model}@champion"],
        input=frame.to_json(orient="split", double_precision=15), capture_output=True, text=True, check=False,
        cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["columns"] == ["segment_id", "segment", "distance", "runner_up"]
    assert [row[0] for row in answer["data"]] == model.predict(found).tolist()
    names = {each.segment_id: each.name for each in model.segments}
    assert [row[1] for row in answer["data"]] == [names[row[0]] for row in answer["data"]]
    renamed = frame.rename(columns={"monetary": "revenue"})
    done = subprocess.run(
        [str(bare), "-c", LOAD, store.uri, f"models:/{store.model}@champion"],
        input=renamed.to_json(orient="split"), capture_output=True, text=True, check=False,
        cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode != 0
    assert "missing inputs ['monetary']" in done.stderr


@pytest.mark.parametrize("recipe", ["behaviour", "rfm", "classic", "quintiles"])
def test_the_scorer_answers_as_the_model_does(recipe):
    found = columns(500, seed=2) | {"lines_per_basket": np.where(np.arange(500) % 7, 3.0, np.nan)}
    rng = np.random.default_rng(4)
    found |= {name: rng.random(500) for name in RECIPES["classic"].features if name not in found}
    model = fit_grid(found) if recipe == "quintiles" else fit_centroids(RECIPES[recipe], found, 4)
    scored = (scorer.by_grid if recipe == "quintiles" else scorer.by_centroids)(
        json.loads(dumps(model)), pd.DataFrame({name: found[name] for name in model.needs})
    )
    assert scored["segment_id"].tolist() == model.predict(found).tolist()
    if recipe != "quintiles":
        points = model.space.place(np.column_stack([found[name] for name in model.needs]))
        apart = np.sqrt(((points[:, None] - model.centroids) ** 2).sum(axis=2))
        ids = np.array([each.segment_id for each in model.segments])
        assert np.abs(scored["distance"] - apart.min(axis=1)).max() < 1e-9
        assert scored["runner_up"].tolist() == ids[np.argsort(apart, axis=1)[:, 1]].tolist()
