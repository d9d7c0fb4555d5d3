"""``minisnn show``: networks and wirings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from commanding import Command

import minisnn as snn


def test_show_a_network(command: Command, net: snn.MLP) -> None:
    done = command("show", "net.npz", "--output", "net.png")
    assert repr(net) in done.out
    assert "inputs: a, b, c" in done.out
    assert "biregular" in done.out
    assert Path("net.png").read_bytes()[:4] == b"\x89PNG"
    facts = json.loads(command("show", "net.npz", "--json").out)
    assert facts["connections"] == net.n_connections
    assert [layer["topology"] for layer in facts["layers"]] == ["biregular", "dense"]
    net.parameters[0] = np.nan
    snn.save(net, "net.npz")
    assert "weights or biases are NaN or inf" in command("show", "net.npz").out


def test_show_a_wiring(command: Command) -> None:
    Path("sets.gmt").write_text("p\tx\ta\tb\nq\tx\tb\n", encoding="utf-8")
    done = command("show", "sets.gmt", "--output", "sets.svg")
    assert "Wiring(2 inputs, 2 outputs, 1 level," in done.out
    assert Path("sets.svg").read_text(encoding="utf-8").startswith("<?xml")
    facts = json.loads(command("show", "sets.gmt", "--json").out)
    assert (facts["inputs"], facts["outputs"], facts["edges"]) == (2, ["p", "q"], 3)
    snn.save(snn.Network(snn.wiring.from_edges("sets.gmt"), seed=0), "net.npz")
    assert "inputs: a, b" in command("show", "net.npz").out
    facts = json.loads(command("show", "net.npz", "--json").out)
    assert facts["wiring"]["terms"] == 4
