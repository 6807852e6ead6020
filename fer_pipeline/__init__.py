"""From videos of study participants to an honestly judged emotion model and its timelines."""

import os

__version__ = "0.1.0"

# OpenCV reads it when it is loaded. A picture of some kilobytes may claim gigabytes: what is larger
# than 8192 x 8192 is refused before memory is taken for it.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**26))
