"""Support code independent of networks: checks, files, messages, the console."""
