"""Artifacts are whole, signed, and refused when they are not what was signed."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from models_ml import artifacts, folders

FILES = {"model.txt": b"tree", "card.md": b"# Card"}


@pytest.fixture
def stored(shop: SimpleNamespace, tmp_path: Path) -> Path:
    folder = tmp_path / "purchase" / "0123456789ab"
    artifacts.save(folder, FILES, shop.key)
    return folder


def test_what_was_saved_is_what_is_loaded(shop: SimpleNamespace, stored: Path) -> None:
    assert artifacts.load(stored, shop.key) == FILES


@pytest.mark.parametrize("name", [*FILES, artifacts.SIGNATURE])
def test_a_changed_file_is_refused(shop: SimpleNamespace, stored: Path, name: str) -> None:
    content = bytearray((stored / name).read_bytes())
    content[-4] ^= 1
    (stored / name).write_bytes(content)
    with pytest.raises(artifacts.Tampered, match="purchase/0123456789ab"):
        artifacts.load(stored, shop.key)


@pytest.mark.parametrize("name", [*FILES, artifacts.SIGNATURE])
def test_a_removed_file_is_refused(shop: SimpleNamespace, stored: Path, name: str) -> None:
    (stored / name).unlink()
    with pytest.raises(artifacts.Tampered):
        artifacts.load(stored, shop.key)


def test_an_added_file_is_refused(shop: SimpleNamespace, stored: Path) -> None:
    (stored / "more.json").write_bytes(b"{}")
    with pytest.raises(artifacts.Tampered):
        artifacts.load(stored, shop.key)


@pytest.mark.parametrize("signature", [b"", b"[]", b"{}", b"null", b"\xff\xfe", b'{"hmac_sha256": ""}'])
def test_a_signature_that_says_nothing_is_refused(shop: SimpleNamespace, stored: Path, signature: bytes) -> None:
    (stored / artifacts.SIGNATURE).write_bytes(signature)
    with pytest.raises(artifacts.Tampered):
        artifacts.load(stored, shop.key)


def test_another_key_is_refused(stored: Path) -> None:
    with pytest.raises(artifacts.Tampered):
        artifacts.load(stored, "cd" * 32)


@pytest.mark.parametrize("place", ["purchase/ba9876543210", "clusters/0123456789ab"])
def test_a_genuine_artifact_under_another_name_is_refused(
    shop: SimpleNamespace, stored: Path, tmp_path: Path, place: str
) -> None:
    shutil.copytree(stored, tmp_path / place)
    with pytest.raises(artifacts.Tampered):
        artifacts.load(tmp_path / place, shop.key)


def test_a_present_version_stays_as_it_is(shop: SimpleNamespace, stored: Path) -> None:
    artifacts.save(stored, {"model.txt": b"another tree"}, shop.key)
    assert artifacts.load(stored, shop.key) == FILES


def test_a_write_that_fails_half_way_leaves_what_stood_there(tmp_path: Path) -> None:
    folders.write(tmp_path / "run", FILES)
    with pytest.raises(TypeError):
        folders.write(tmp_path / "run", {"model.txt": b"new", "card.md": None})  # type: ignore[dict-item]
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == FILES
    folders.write(tmp_path / "run", {"model.txt": b"new"})
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert (tmp_path / "run" / "model.txt").read_bytes() == b"new"


def test_an_artifact_signed_again_is_that_of_the_new_key_alone(shop: SimpleNamespace, stored: Path) -> None:
    new = "c3" * 32
    assert [artifacts.sign_again(stored.parents[1], shop.key, new) for _ in range(2)] == [1, 0]
    assert artifacts.load(stored, new) == FILES
    with pytest.raises(artifacts.Tampered):
        artifacts.load(stored, shop.key)
    assert sorted(path.name for path in stored.parent.iterdir()) == [stored.name]


def test_what_was_tampered_with_is_not_signed_again(shop: SimpleNamespace, stored: Path) -> None:
    (stored / "card.md").write_bytes(b"# Other")
    assert artifacts.sign_again(stored.parents[1], shop.key, "c3" * 32) == 0
    with pytest.raises(artifacts.Tampered):
        artifacts.load(stored, "c3" * 32)
