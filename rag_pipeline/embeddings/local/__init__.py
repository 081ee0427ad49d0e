"""Encoders of this machine: Hugging Face checkpoints, their tokenizers, their forward pass."""
