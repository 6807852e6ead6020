"""The command line: each file parses one command, makes one call and prints. No logic."""

from fer_pipeline.cli.root import main

__all__ = ["main"]
