"""Other systems for given wiring, each beside minisnn: one network, trained by both."""
