"""Random trials against a real store until time is up: ``python -m tests.torture --minutes N``."""
