"""Lines beside published figures: not measured where data is absent, and measured by the protocol where it is."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import reference_recommend
from benchmarks.lines import Line
from benchmarks.reference_recommend import measure


@pytest.fixture(autouse=True)
def _without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_recommend, "_unpacked", lambda folder: folder / "nothing")


def films(people: int = 300, seed: int = 1) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [[40 * (person % 2) + int(film) for film in rng.permutation(40)[:15]] for person in range(people)]


def test_what_is_not_there_is_not_measured(tmp_path: Path):
    found = measure(tmp_path)
    assert [(one.ours, one.verdict) for one in found] == [(None, "not measured")] * 6
    assert found[0] == Line(
        "movielens 1m R@20", None, None, "", "≥ 0.283", None, None, "not measured", "no movielens_1m_lcfn"
    )


def test_the_public_split_is_learnt_tuned_and_read_once(tmp_path: Path):
    folder = tmp_path / "movielens_1m_lcfn"
    folder.mkdir()
    for name, part in (("train", slice(9)), ("validation", slice(9, 12)), ("test", slice(12, 15))):
        (folder / f"{name}_data.json").write_text(json.dumps([one[part] for one in films()]))
    recall, ndcg, coverage = measure(tmp_path)[:3]
    assert recall.low is not None
    assert recall.high is not None
    assert recall.low < (recall.ours or 0) < recall.high
    # of 31 films of their kind not seen, twenty are shown
    assert recall.ours == pytest.approx(20 / 31, abs=0.06)
    assert recall.verdict == ndcg.verdict == "met"
    assert coverage.verdict == "met"


def test_ratings_of_a_folder_are_split_within_each_person(tmp_path: Path):
    folder = tmp_path / "movielens_100k"
    folder.mkdir()
    rows = [f"{person}\t{film}\t4\t0" for person, seen in enumerate(films()) for film in seen]
    (folder / "ml-100k.inter").write_text("\n".join(["user\titem\trating\tat", *rows]))
    recall = measure(tmp_path)[3]
    assert recall.verdict == "no goal"
    assert recall.reference is not None
    assert (recall.ours or 0) > recall.reference
