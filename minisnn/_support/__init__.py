"""Support that knows nothing of networks: checks, files, messages, the console."""
