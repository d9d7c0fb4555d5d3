"""The network: layers, samples, losses, forward and backward passes."""
