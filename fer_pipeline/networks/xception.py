"""Xception as in a study of gray and colour.

Chollet: Xception: Deep learning with depthwise separable convolutions, CVPR 2017, doi
10.1109/CVPR.2017.195. For facial expressions: Yudin, Dolzhenko, Kapustina: The usage of grayscale
or color images for facial expression recognition with deep neural networks, NEUROINFORMATICS-2019,
where gray Xception is the best of all.
"""

from __future__ import annotations

from keras import Model, applications, layers

from fer_pipeline.networks.backbones import RANDOM, Backbone, Start, on_backbone
from fer_pipeline.networks.output import probabilities
from fer_pipeline.networks.scaling import to_unit

XCEPTION = Backbone(
    application=applications.Xception,
    url="https://storage.googleapis.com/tensorflow/keras-applications/xception/"
    "xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
    scale=to_unit,
)


def xception(shape: tuple[int, int, int], classes: int, start: Start = RANDOM) -> Model:
    """Build Xception with global average pooling and nothing else before the classes."""
    pixels, x = on_backbone(XCEPTION, shape, start)
    x = layers.GlobalAveragePooling2D()(x)
    return Model(pixels, probabilities(x, classes), name="xception")
