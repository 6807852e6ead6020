"""Hostile and broken input: mutated files of every kind, through the commands that read them."""
