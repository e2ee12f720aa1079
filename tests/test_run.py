"""One run from end to end: what it returns, that it repeats, and what its seeds move."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from geomsym import run as module
from geomsym.config import (
    ArchitectureConfig,
    DataConfig,
    DigitsConfig,
    GradientDescentConfig,
    PhotoPatchesConfig,
    RunConfig,
    TransformConfig,
)
from geomsym.errors import ConfigError
from geomsym.inference import InferenceResult
from geomsym.inference.result import PREPARATIONS
from geomsym.run import run

PHOTOS = RunConfig(
    data=PhotoPatchesConfig(subset_size=40, test_size=50, validation_size=30),
    transform=TransformConfig("pixel_rotation"),
    architecture=ArchitectureConfig("gap", width=8, depth=2),
    inference=GradientDescentConfig(max_steps=20, eval_every=10, stop_when_fitted=False, checkpoint_steps=[0]),
)


def test_a_run_of_the_embedded_photographs():
    result = run(PHOTOS)
    assert result.config == PHOTOS and result.device == "cpu"
    assert result.seconds > 0
    fit = result.fit
    assert fit.status == "unfitted" and fit.steps_per_epoch == 1
    assert list(fit.curve) == [0, 10, 20] and list(fit.checkpoints) == [0, 20]
    for split, size in (("train", 40), ("validation", 30), ("test", 50)):
        accuracies = [scores[split, "accuracy"] * size for scores in fit.curve.values()]
        assert accuracies == pytest.approx(np.round(accuracies), abs=1e-9)
    assert fit.metrics["steps"] == 20 and fit.metrics["best_test_accuracy"] >= fit.metrics["test_accuracy"]
    assert fit.metrics["learning_rate"] == pytest.approx(16 / fit.metrics["lambda_max"])
    assert fit.metrics["train_mse"] < fit.curve[0]["train", "mse"]


def outcome(result):
    weights = {step: {k: v.tolist() for k, v in state.items()} for step, state in result.fit.checkpoints.items()}
    return repr((result.fit.status, result.fit.metrics, result.fit.curve, weights))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_run_twice_is_the_same_bit_for_bit(dtype):
    cfg = replace(PHOTOS, dtype=dtype)
    torch.manual_seed(1)
    first = run(cfg)
    torch.manual_seed(2)
    assert outcome(run(cfg)) == outcome(first)
    assert {v.dtype for state in first.fit.checkpoints.values() for v in state.values()} == {getattr(torch, dtype)}


def test_both_precisions_agree_at_the_start():
    single, double = (run(replace(PHOTOS, dtype=dtype)) for dtype in ("float32", "float64"))
    for key, value in double.fit.curve[0].items():
        assert single.fit.curve[0][key] == pytest.approx(value, rel=1e-4, abs=0.03)
    assert single.fit.curve[0] != double.fit.curve[0]


def test_the_seed_moves_the_weights(tiny):
    assert outcome(run(tiny(seed=1))) != outcome(run(tiny(seed=0)))


@pytest.mark.parametrize(("given", "seeds"), [(None, [0, 4]), (9, [9, 9])])
def test_the_transform_follows_the_runs_seed_unless_it_has_one(tiny, monkeypatch, given, seeds):
    used, sample = [], module.sample_transform

    def recorded(name, shape, seed, *rest):
        used.append(seed)
        return sample(name, shape, seed, *rest)

    monkeypatch.setattr(module, "sample_transform", recorded)
    for seed in (0, 4):
        run(tiny(seed=seed, transform=TransformConfig("shared_rotation", seed=given)))
    assert used == seeds


def seen_by_inference(monkeypatch, *runs):
    """The training images that inference is given in each of the runs."""
    seen = []
    monkeypatch.setitem(
        module.INFERENCE, "nn_plus", lambda specs, data, *rest: seen.append(data) or InferenceResult("ok", {})
    )
    for cfg in runs:
        run(cfg)
    return [data.train.x for data in seen]


def test_data_follow_their_own_seed(tiny, monkeypatch):
    base = tiny()
    other = replace(base, data=replace(base.data, seed=5))
    first, same, moved, back = seen_by_inference(monkeypatch, base, replace(base, seed=5), other, base)
    assert torch.equal(first, same) and torch.equal(first, back) and not torch.equal(first, moved)


def test_data_are_of_the_runs_precision(tiny, monkeypatch):
    images = seen_by_inference(monkeypatch, tiny(), tiny(dtype="float64"), tiny())
    assert [x.dtype for x in images] == [torch.float32, torch.float64, torch.float32]


def test_a_file_that_changes_between_runs_is_read_again(tiny, monkeypatch, tmp_path):
    path, images = tmp_path / "a.npz", []
    for value in (1, 2):
        x, y = np.full((4, 2, 2), value, dtype=np.float32), np.array([0, 1, 0, 1])
        np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
        data = DataConfig("arrays", root=str(path), preprocess="none")
        images += seen_by_inference(monkeypatch, tiny(data=data))
    assert [x.unique().tolist() for x in images] == [[1], [2]]


def test_a_rotation_of_strength_zero_changes_nothing(tiny):
    still, plain, turned = (
        run(tiny(transform=TransformConfig("global_rotation", strength=t) if t is not None else TransformConfig()))
        for t in (0.0, None, 1.0)
    )
    assert outcome(still) == outcome(plain) != outcome(turned)


def test_progress_is_reported(tiny):
    reports = []
    run(tiny(), report=lambda *report: reports.append(report))
    steps = [(step, most) for step, most, note in reports if note not in PREPARATIONS]
    assert list(dict.fromkeys(steps)) == [(0, 20), (5, 20), (10, 20), (15, 20), (20, 20)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inference": GradientDescentConfig(name="nnn")}, r"inference\.name=nnn: not one of .*did you mean 'nn'"),
        ({"architecture": ArchitectureConfig("gab")}, r"architecture\.name=gab: .*did you mean 'gap'"),
        ({"transform": TransformConfig("identify")}, r"transform\.name=identify: .*did you mean 'identity'"),
        ({"data": DataConfig("digits")}, r"data\.name=digits: is configured by DigitsConfig, not DataConfig"),
        (
            {"data": DigitsConfig(channels=1), "transform": TransformConfig("pixel_rotation")},
            r"transform\.name=pixel_rotation: mixes the channels",
        ),
    ],
)
def test_what_cannot_be_carried_out_is_the_users_error(tiny, changes, message):
    with pytest.raises(ConfigError, match=message):
        run(tiny(**changes))
