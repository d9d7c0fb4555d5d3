"""Trainings that are resumed with another number of epochs than they were begun with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from resuming import Crash, crash_after, make, train

import minisnn as snn
from minisnn._support.archive import FileFormatError


@pytest.mark.parametrize(
    "rate", [0.5, snn.StepDecay(0.5, every=2), lambda epoch, _: 1 / (1 + epoch)]
)
@pytest.mark.parametrize("optimizer", [snn.NesterovSGD, snn.Adam])
@pytest.mark.parametrize(("planned", "steps"), [(3, 12), (5, 14), (9, 14), (4, 0)])
def test_another_number_of_epochs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rate: Any,
    optimizer: Any,
    planned: int,
    steps: int,
) -> None:
    """Of four steps each; the bits are those of a training that was never planned otherwise."""
    path, whole, net = tmp_path / "checkpoint.npz", make(), make()
    options = {
        "optimizer": optimizer(rate),
        "callbacks": [snn.callbacks.EarlyStopping(50, monitor="loss")],
    }
    expected = train(whole, epochs=6, **options)
    with monkeypatch.context() as patched:
        if steps < 4 * planned:
            crash_after(steps, patched)
            with pytest.raises(Crash):
                train(net, checkpoint=path, checkpoint_every=0, epochs=planned, **options)
        else:
            train(net, checkpoint=path, epochs=planned, **options)
    resumed = make(seed=9)
    with pytest.raises(
        FileFormatError,
        match=rf"of a training of {planned} epochs, this call has epochs=6. Pass epochs={planned}"
        ", or resume='extend' to go on as if it had been begun with 6",
    ):
        train(resumed, checkpoint=path, resume=True, epochs=6, **options)
    history = train(resumed, checkpoint=path, resume="extend", epochs=6, **options)
    np.testing.assert_array_equal(resumed.parameters, whole.parameters)
    for column in ("epoch", "loss", "learning_rate"):
        assert history.column(column) == expected.column(column)
    again = make(seed=8)  # what it wrote is a checkpoint of six epochs
    train(again, checkpoint=path, resume=True, epochs=6, **options)
    np.testing.assert_array_equal(again.parameters, whole.parameters)


def test_one_epoch_is_no_epochs(tmp_path: Path) -> None:
    path, options = tmp_path / "checkpoint.npz", {"optimizer": snn.SGD(0.1)}
    train(make(), checkpoint=path, epochs=1, **options)
    with pytest.raises(
        FileFormatError, match="is of a training of 1 epoch, this call has epochs=2"
    ):
        train(make(), checkpoint=path, epochs=2, resume=True, **options)
    stretched = {"optimizer": snn.SGD(snn.CosineDecay(0.1)), "resume": "extend"}
    train(make(), checkpoint=tmp_path / "stretched.npz", epochs=1, **stretched)
    with pytest.raises(
        FileFormatError, match="of 1 epoch, this call has epochs=2, and the learning"
    ):
        train(make(), checkpoint=tmp_path / "stretched.npz", epochs=2, **stretched)


def test_more_epochs_for_a_training_that_was_stopped(tmp_path: Path) -> None:
    """It stays ended, as one that was begun with so many would have been, and says so."""

    def stopping() -> snn.callbacks.EarlyStopping:
        return snn.callbacks.EarlyStopping(patience=2, monitor="loss")

    path, options = tmp_path / "checkpoint.npz", {"optimizer": snn.SGD(0.0), "dropout": 0.0}
    first, whole, net = make(), make(), make()
    train(first, checkpoint=path, epochs=9, callbacks=[stopping()], shuffle=False, **options)
    expected = train(whole, epochs=12, callbacks=[stopping()], shuffle=False, **options)
    n = len(expected)
    assert n < 9
    options |= {"checkpoint": path, "resume": "extend", "callbacks": [stopping()]}
    message = (
        rf"nothing is trained: a callback ended .* after {n} epochs, as it would one of 12\. To"
    )
    for _ in range(2):  # it is not forgotten
        with pytest.warns(UserWarning, match=message) as caught:
            history = train(net, epochs=12, shuffle=False, **options)
        assert Path(caught[0].filename).name == "resuming.py", "where train is called"
        assert history.column("loss") == expected.column("loss")
        np.testing.assert_array_equal(net.parameters, whole.parameters)
    train(net, epochs=9, shuffle=False, **options)  # as it was: no warning
    train(net, epochs=8, shuffle=False, **options)  # nor where no more is asked for
    train(
        net,
        epochs=9,
        shuffle=False,
        optimizer_state=history.optimizer_state,
        **{**options, "checkpoint": None, "resume": False},
    )


@pytest.mark.parametrize("rate", [snn.WarmUpDecay(3.0), snn.CosineDecay(1.0), snn.WarmUp(0.5)])
@pytest.mark.parametrize("epochs", [2, 7])
def test_rates_that_are_stretched_over_all_epochs(tmp_path: Path, rate: Any, epochs: int) -> None:
    path, options = tmp_path / "checkpoint.npz", {"optimizer": snn.SGD(rate), "resume": "extend"}

    def stop(_: snn.MLP, epoch: snn.Epoch) -> bool:
        return epoch.epoch == 2

    train(make(), checkpoint=path, epochs=4, callbacks=[stop], **options)
    before, net = path.read_bytes(), make()
    message = (
        rf"is of a training of 4 epochs, this call has epochs={epochs}, and the learning rate is "
        r"stretched .*\. Resume with epochs=4; to train on after that, save the network"
    )
    with pytest.raises(FileFormatError, match=message) as caught:
        train(net, checkpoint=path, epochs=epochs, **options)
    assert "first" not in str(caught.value), "what is the same is not named"
    np.testing.assert_array_equal(net.parameters, make().parameters)
    assert path.read_bytes() == before
    train(make(), checkpoint=tmp_path / "new.npz", epochs=epochs, **options)


def test_fewer_epochs_than_are_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, options = tmp_path / "checkpoint.npz", {"optimizer": snn.SGD(0.1), "resume": "extend"}
    with monkeypatch.context() as patched:
        crash_after(14, patched)
        with pytest.raises(Crash):
            train(make(), checkpoint=path, checkpoint_every=0, epochs=9, **options)
    with pytest.raises(
        FileFormatError,
        match=r"stands after 3 epochs and some steps, this call has epochs=3: pass epochs=9, as th",
    ):
        train(make(), checkpoint=path, epochs=3, **options)
    history = train(make(), checkpoint=path, epochs=4, **options)
    assert len(history.epochs) == 4
    with pytest.raises(
        FileFormatError, match="epochs=2: pass epochs=4, as the call that wrote it had"
    ):
        train(make(), checkpoint=path, epochs=2, **options)
