"""From pixels of 0 to 255 to what each family of keras.applications takes.

As the families' own ``preprocess_input``, but inside the model: plain layers without weights, which
can be saved, loaded in safe mode, and converted. A gray input gets the analogous scaling, with the
mean of the colours' figures.
"""

from __future__ import annotations

from typing import Any

from keras import layers, ops

# Of ImageNet's colours, in the order of RGB, on a scale of 0 to 255: as in keras.applications.
_CAFFE_MEAN = (123.68, 116.779, 103.939)
_TORCH_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
_TORCH_DEVIATION = (0.229 * 255, 0.224 * 255, 0.225 * 255)


def as_it_is(x: Any) -> Any:
    """Leave the pixels to a backbone that scales them itself."""
    return x


def to_unit(x: Any) -> Any:
    """Scale to −1 to 1: what Keras calls ``tf``."""
    return layers.Rescaling(1 / 127.5, offset=-1, name="scale")(x)


def to_deviations(x: Any) -> Any:
    """Take off ImageNet's means and divide by its deviations: ``torch``."""
    scale = [1 / deviation for deviation in _as_deep(_TORCH_DEVIATION, x)]
    means = _as_deep(_TORCH_MEAN, x)
    offset = [-mean * one for mean, one in zip(means, scale, strict=True)]
    return layers.Rescaling(scale, offset, name="scale")(x)


def to_centred_bgr(x: Any) -> Any:
    """Take off ImageNet's means and put blue first: ``caffe``."""
    offset = [-mean for mean in _as_deep(_CAFFE_MEAN, x)]
    centred = layers.Rescaling(1.0, offset, name="scale")(x)
    return ops.flip(centred, axis=-1)


def _as_deep(values: tuple[float, ...], x: Any) -> tuple[float, ...]:
    """Return a value for each channel."""
    return values if x.shape[-1] == len(values) else (sum(values) / len(values),)
