"""Benchmark minisnn on this machine beside other systems that do the same work.

Both sides of every comparison take turns in one run, and results are checked before anything is
timed. Each command prints a table, and writes it with --output as JSON and, where there is
something to see, as a picture.

  kernels       the three products alone, as a share of BLAS and of what the caches allow
  roofline      products beside their least times here, and what a step may be at most
  step          full training steps beside NumPy, PyTorch, SciPy, MKL and JAX
  epoch         minisnn.train on MNIST, sparse and dense
  parts         what each kind of operation adds to a step, and a call of train to its steps
  wiring        steps of networks of equal density and different construction
  wiring-users  steps of hierarchies of named terms beside PyTorch: masks, loops over terms, CSR
  torch-layer   training steps in PyTorch: SparseLinear beside nn.Linear, masks, sparse peers
  small         a small network, single samples, what Python adds to a step
  inputs        networks of 500,000 inputs of which few are used; X in CSR and in a memory map
  scaling       how a step grows with edges, width, depth and batch, and a formula for it
  startup       import, first step with and without compiled kernels
  memory        bytes per connection while training
  blocks        steps by the number of blocks of columns, and whether the best one is chosen

examples:
  python scripts/benchmark.py step
  python scripts/benchmark.py step --widths 4096,4096,10 --densities 10,1 --peers TorchCSR
  python scripts/benchmark.py kernels --threads 1 --output results
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from program import Parser, run, save_figure, write_text

COMMANDS = (
    "kernels", "roofline", "step", "parts", "epoch", "wiring", "wiring-users", "torch-layer",
    "small", "inputs", "scaling", "startup", "memory", "blocks",
)  # fmt: skip


def percentages(text: str) -> list[float]:
    """Return densities, 0 to 1, from percentages with commas between them."""
    try:
        values = [float(part) / 100 for part in text.split(",")]
    except ValueError:
        values = [0.0]
    if not all(0 < value <= 1 for value in values):
        raise argparse.ArgumentTypeError(f"densities are above 0 and up to 100 %, got {text!r}")
    return values


def whole_numbers(text: str) -> list[int]:
    """Return positive whole numbers with commas between them."""
    try:
        values = [int(part) for part in text.split(",")]
    except ValueError:
        values = [0]
    if min(values) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not positive whole numbers and commas")
    return values


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument(
        "--threads", type=whole_numbers, help="such as 1,2 (default: 1 and all cores)"
    )
    parser.add_argument(
        "--densities", type=percentages, default=percentages("100,50,20,10,5,1"),
        help="of the hidden layers in %% (default: 100,50,20,10,5,1); kernels, roofline, step, "
        "parts, wiring, torch-layer, blocks",
    )  # fmt: skip
    parser.add_argument(
        "--widths", type=whole_numbers, default=[784, 1000, 10],
        help="neurons of each layer (default: 784,1000,10); kernels and blocks take the first two",
    )  # fmt: skip
    parser.add_argument("--batch", type=int, default=128, help="samples of a step (default: 128)")
    parser.add_argument("--topology", default="", help="a construction instead of chance")
    parser.add_argument(
        "--peers", help="names from scripts/bench/peers.py, or none (default: all installed)"
    )
    parser.add_argument("--rounds", type=int, default=7, help="turns of each side (default: 7)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--output", type=Path, help="folder for COMMAND.json, .txt and .png")
    options = parser.parse_args(arguments)
    if len(options.widths) < 2:
        parser.error("--widths needs two numbers at least")
    if options.batch < 1 or options.rounds < 1:
        parser.error("--batch and --rounds must be at least 1")
    check_names(parser, options)
    return options


def check_names(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End the program where a name is unknown, or there are fewer cores than threads."""
    from bench import peers

    import minisnn as snn
    from minisnn._support.messages import did_you_mean

    cores = os.cpu_count() or 1
    if max(options.threads or [1]) > cores:
        parser.error(f"--threads must be {cores} at most, the cores here, got {options.threads}")
    if options.topology and options.topology not in snn.topology.names():
        names = ", ".join(snn.topology.names())
        near = did_you_mean(options.topology, snn.topology.names())
        parser.error(f"--topology: no construction {options.topology!r}; there are {names}{near}")
    known = [peer.__name__ for peer in peers.PEERS]
    for name in (options.peers or "").split(","):
        if name not in ("", "none", *known):
            near = did_you_mean(name, known)
            parser.error(f"--peers: no peer {name!r}; there are {', '.join(known)}{near}")


def measure(options: argparse.Namespace, report: Any) -> tuple[Any, Any]:
    """Return the result of a command, and the module that can show it."""
    from bench import (
        blocks,
        constructions,
        epochs,
        inputs,
        kernels,
        memory,
        parts,
        peers,
        roofline,
        scaling,
        small,
        startup,
        steps,
        torch_layer,
        wiring_users,
    )

    import minisnn as snn

    threads = options.threads or sorted({1, snn.get_num_threads()})
    if options.command == "kernels":
        shape = (options.widths[0], options.widths[1])
        result = kernels.measure_kernels(
            shape, options.densities, threads, options.rounds, report=report
        )
        return result, kernels
    if options.command == "roofline":
        result = roofline.measure_roofline(
            options.widths, options.densities,
            batch_size=options.batch, rounds=options.rounds, report=report,
        )  # fmt: skip
        return result, roofline
    if options.command == "epoch":
        return epochs.measure_epoch(threads, rounds=options.rounds, report=report), epochs
    if options.command == "parts":
        result = parts.measure_parts(
            options.widths, options.densities,
            batch_size=options.batch, rounds=options.rounds, report=report,
        )  # fmt: skip
        return result, parts
    if options.command == "wiring":
        result = constructions.measure_constructions(
            options.widths, options.densities, threads,
            batch_size=options.batch, rounds=options.rounds, report=report,
        )  # fmt: skip
        return result, constructions
    if options.command == "wiring-users":
        result = wiring_users.measure_wiring_users(threads, rounds=options.rounds, report=report)
        return result, wiring_users
    if options.command == "torch-layer":
        result = torch_layer.measure_torch_layer(
            options.widths, options.densities, threads,
            batch_size=options.batch, rounds=options.rounds, report=report,
        )  # fmt: skip
        return result, torch_layer
    if options.command == "small":
        return small.measure_small(rounds=options.rounds, report=report), small
    if options.command == "inputs":
        return inputs.measure_inputs(threads, rounds=options.rounds, report=report), inputs
    if options.command == "scaling":
        return scaling.measure_scaling(threads, rounds=options.rounds, report=report), scaling
    if options.command == "startup":
        return startup.measure_startup(options.rounds), startup
    if options.command == "memory":
        return memory.measure_memory(), memory
    if options.command == "blocks":
        result = blocks.measure_blocks(
            (options.widths[0], options.widths[1]), options.densities,
            batch_size=options.batch, rounds=options.rounds, report=report,
        )  # fmt: skip
        return result, blocks
    chosen = peers.available()
    if options.peers is not None:
        by_name = {peer.__name__: peer for peer in peers.PEERS}
        chosen = [by_name[n] for n in options.peers.split(",") if n not in ("", "none")]
    if len(threads) > 1:  # JAX fixes its threads when it starts
        chosen = [peer for peer in chosen if peer is not peers.JaxDense]
    result = steps.measure_step(
        options.widths, options.densities, threads, chosen,
        batch_size=options.batch, rounds=options.rounds, topology=options.topology, report=report,
    )  # fmt: skip
    return result, steps


def main(arguments: list[str] | None = None) -> None:
    """Run one command."""
    options = parse(arguments)
    from minisnn._support.environment import describe_environment

    def report(text: str) -> None:
        print(f"... {text}", file=sys.stderr, flush=True)

    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
    result, module = measure(options, report)
    environment = describe_environment()
    blas = environment["blas"]
    text = module.table(result)
    text += f"\n\n{environment['cpu']}; BLAS: "
    text += ", ".join(f"{pool['library']} {pool['kernel'] or ''}".strip() for pool in blas)
    document = {"command": options.command, "environment": environment, "result": result}
    as_json = json.dumps(document, indent=1)
    if options.output:
        path = options.output / options.command
        write_text(path.with_suffix(".json"), f"{as_json}\n")
        write_text(path.with_suffix(".txt"), f"{text}\n")
        if hasattr(module, "plot"):
            save_figure(module.plot(result), path.with_suffix(".png"))
    print(as_json if options.json else text)


if __name__ == "__main__":
    sys.exit(run(main, "bench", at_full_speed=True))
