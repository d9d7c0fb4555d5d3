"""The work of a whole network: its structure, the plan made of it, the engine that runs it."""
