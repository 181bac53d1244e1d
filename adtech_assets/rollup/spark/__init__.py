"""Spark as the engine that counts: events stay where their files lie, only facts come back."""
