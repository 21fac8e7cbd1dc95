"""What a folder says of its model is used, and what cannot be done is refused by name."""

import pytest

from gpu_cascade.embedding import folder as folders
from gpu_cascade.embedding.folder import Layout, layout, named, packaged
from gpu_cascade.errors import ModelError

from .made import folder

PARTS = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]


def test_a_folder_that_says_nothing(tmp_path):
    """An encoder alone: the mean over 256 tokens."""
    assert Layout(tmp_path, "mean", 256) == layout(folder(tmp_path))


@pytest.mark.parametrize(
    "pooling",
    [
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False, "word_embedding_dimension": 384},
        {"pooling_mode": "cls", "include_prompt": True},
    ],
)
def test_a_folder_that_says_all(tmp_path, pooling):
    """Where the encoder lies, how it pools, in the older and the newer form, and how much it reads."""
    parts = [("Transformer", "0_Transformer"), *PARTS[1:]]
    files = {
        "1_Pooling__config_json": pooling,
        "0_Transformer__config_json": {},
        "0_Transformer__sentence_bert_config_json": {"max_seq_length": 512},
    }

    assert Layout(tmp_path / "0_Transformer", "cls", 512) == layout(folder(tmp_path, parts, **files))


@pytest.mark.parametrize(
    ("parts", "pooling", "why"),
    [
        ([*PARTS, ("Dense", "3_Dense")], {"pooling_mode": "mean"}, "has a part Dense"),
        (PARTS, {"pooling_mode_max_tokens": True}, "pools by max_tokens"),
        (PARTS, {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, "cls_token, mean_tokens"),
        (PARTS, {"pooling_mode": "lasttoken"}, "pools by lasttoken"),
        (PARTS, "{", r"is broken \(JSONDecodeError\)"),
        ([("Transformer", "nowhere")], {}, "holds no model"),
    ],
)
def test_what_cannot_be_done(tmp_path, parts, pooling, why):
    """Vectors that would be wrong are not made."""
    with pytest.raises(ModelError, match=why):
        layout(folder(tmp_path, parts, **{"1_Pooling__config_json": pooling}))


def test_another_model_has_another_name(tmp_path):
    """The name follows what is in the folder, wherever that lies, and not its notes or hidden files."""
    one, two = tmp_path / "a" / "mini", tmp_path / "b" / "mini"
    for path in (one, two):
        path.mkdir(parents=True)
        folder(path, PARTS, vocab_txt="a b")
    (two / "README.md").write_text("a note")
    (two / ".cache").mkdir()
    (two / ".cache" / "etag.json").write_text("1")

    assert named(one) == named(two)
    (two / "model.safetensors").write_bytes(b"weights")
    assert named(one) != named(two)
    assert named(two).startswith("mini ")


def test_a_package_that_is_not_installed_is_none(monkeypatch):
    """Nobody has to have it."""
    monkeypatch.setattr(folders, "PACKAGE", "no_such_package_anywhere")

    assert packaged() is None


def test_a_packages_model_is_found_without_importing_it(monkeypatch, tmp_path):
    """Its code is not run."""
    package = tmp_path / folders.PACKAGE
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)

    assert package / "model" == packaged()
