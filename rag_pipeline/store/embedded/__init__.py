"""Chroma in a folder of this machine: the client, its one writer, its files."""
