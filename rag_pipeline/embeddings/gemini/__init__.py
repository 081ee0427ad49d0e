"""Vectors from Google: requests, limits, retries."""
