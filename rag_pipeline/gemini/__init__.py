"""What everything that talks to Gemini shares: the key, the client, errors in words, the list of models."""
