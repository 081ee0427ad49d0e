"""Chroma on a server or in the cloud: the client, and one writer among machines."""
