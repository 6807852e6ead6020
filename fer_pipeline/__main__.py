"""``python -m fer_pipeline`` is the command ``fer``."""

from fer_pipeline.cli import main

if __name__ == "__main__":
    main()
