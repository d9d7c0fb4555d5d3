"""``minisnn train``: a network from a table, with a report."""

from __future__ import annotations

import json
import math
import sys
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .._support.arrays import Array
from .._support.messages import counted
from ..interchange.network_file import save
from ..training.history import Epoch, describe
from ..training.optimizers import Adam
from ..training.schedules import CosineDecay
from ..training.train import train
from .networks import make_network
from .options import limit_threads
from .program import INTERRUPTED, show_warnings_in_one_line
from .report import write_report
from .samples import Samples, read_samples
from .scaling import Scaling, no_scaling, scaling_of
from .targets import Target
from .train_options import arguments_of
from .trained import finish, result_of, summary

STEPS, EPOCHS, BATCHES = 3000, (20, 500), (16, 128)


def main(argv: list[str]) -> int:
    """Run; return the exit code."""
    options = arguments_of(argv)
    show_warnings_in_one_line()
    limit_threads(options.threads)
    output: Path = options.output
    report, checkpoint = report_folder(output), output.with_suffix(".checkpoint.npz")
    check_places(output, checkpoint, report, resume=options.resume)

    def say(text: str) -> None:
        if not options.json:
            print(text, flush=True)

    samples = read_samples(options)
    n_rows, n_columns = len(samples.rows), samples.inputs.values.shape[1]
    say(f"{options.table}: {counted(n_columns, 'input')}; {samples.target}")
    settle(options, n_rows)
    inputs, outputs = scalings(samples, scale=options.scaling)
    net = make_network(options, samples.inputs, samples.target)
    say(f"Training {net}")
    say(
        f"  on {counted(n_rows, 'row')} for {counted(options.epochs, 'epoch')}; "
        f"{counted(len(samples.test_target.values), 'row')} held out"
    )
    every = max(1, options.epochs // 10)

    def tell(_: Any, epoch: Epoch) -> None:
        if not sys.stderr.isatty() and epoch.epoch % every == 0:
            say(f"  epoch {epoch.epoch:3d} of {options.epochs}: {describe(epoch)}")

    held_out = inputs(samples.test_inputs.values), scaled(samples.test_target, outputs)
    run = partial(
        train,
        net,
        inputs(samples.inputs.values),
        scaled(samples.target, outputs),
        rows=samples.rows,
        validation_data=held_out,
        optimizer=Adam(CosineDecay(options.learning_rate), weight_decay=options.weight_decay),
        batch_size=options.batch_size,
        epochs=options.epochs,
        dropout=[0.0] + [options.dropout] * (net.n_levels - 1),
        class_weight="balanced" if options.balanced else None,
        seed=options.seed,
        callbacks=[tell],
        checkpoint=checkpoint,
        resume=options.resume,
        progress=False if options.json else None,
    )
    try:
        history = run()
    except FloatingPointError:  # another rate may do, and begins anew
        if not options.resume:
            checkpoint.unlink()
        raise
    if history.interrupted:
        say(f"Interrupted after {counted(len(history.epochs), 'epoch')}; go on with --resume")
        return INTERRUPTED
    done = finish(net, options, samples, history, (inputs, outputs))
    save(done.net, output)
    write_report(done, report)
    checkpoint.unlink()
    print(json.dumps(result_of(done, report), indent=2) if options.json else summary(done, report))
    return 0


def report_folder(output: Path) -> Path:
    """Return the folder of the report on a network."""
    return output.with_name(f"{output.stem}-report")


def check_places(output: Path, checkpoint: Path, report: Path, *, resume: bool) -> None:
    """Raise where a file would be lost, or there is nothing to go on with."""
    if resume and output.exists() and not checkpoint.exists():
        raise FileExistsError(
            f"{output} is there, and its training has ended; there is no more to do"
        )
    if not resume:
        for path in (output, checkpoint, report):
            if path.exists():
                raise FileExistsError(
                    f"{path} is there already; give another --output, or remove it; a training "
                    "that was interrupted goes on with --resume"
                )
    if not output.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {output.parent} for --output {output.name}")


def settle(options: Namespace, n_rows: int) -> None:
    """Choose what was not given."""
    if options.batch_size is None:
        options.batch_size = int(np.clip(n_rows // 10, *BATCHES))
    if options.epochs is None:
        steps = math.ceil(n_rows / options.batch_size)
        options.epochs = int(np.clip(math.ceil(STEPS / steps), *EPOCHS))


def scalings(samples: Samples, *, scale: bool) -> tuple[Scaling, Scaling]:
    """Return the scaling of inputs and that of outputs; of classes it changes nothing."""
    values, target = samples.inputs.values, samples.target
    outputs = no_scaling(1)
    if scale and target.labels is None:
        outputs = scaling_of(target.values[:, None], samples.rows)
    return scaling_of(values, samples.rows) if scale else no_scaling(values.shape[1]), outputs


def scaled(target: Target, scaling: Scaling) -> Array:
    """Return targets as the network learns them."""
    if target.labels is not None:
        return target.values
    result: Array = scaling(target.values[:, None])
    return result
