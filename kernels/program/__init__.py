"""Programs of whole networks: structure, plan, and the engine that runs it."""
