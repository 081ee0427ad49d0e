"""The engine of Ray: reading and embedding in many processes or on many machines."""
