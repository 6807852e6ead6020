"""From videos of study participants to an honestly judged emotion model and its timelines."""

__version__ = "0.1.0"
