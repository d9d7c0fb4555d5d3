"""Functions of values: activations, losses, optimisers' steps, dropout."""
