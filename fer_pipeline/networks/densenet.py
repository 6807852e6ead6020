"""DenseNet169 as in a study of gray and colour.

Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks, CVPR 2017, doi
10.1109/CVPR.2017.243. For facial expressions: Yudin, Dolzhenko, Kapustina: The usage of grayscale
or color images for facial expression recognition with deep neural networks, NEUROINFORMATICS-2019.
"""

from __future__ import annotations

from keras import Model, applications, layers

from fer_pipeline.networks.backbones import RANDOM, Backbone, Start, on_backbone
from fer_pipeline.networks.output import probabilities
from fer_pipeline.networks.scaling import to_deviations

DENSENET169 = Backbone(
    application=applications.DenseNet169,
    url="https://storage.googleapis.com/tensorflow/keras-applications/densenet/"
    "densenet169_weights_tf_dim_ordering_tf_kernels_notop.h5",
    scale=to_deviations,
)


def densenet169(shape: tuple[int, int, int], classes: int, start: Start = RANDOM) -> Model:
    """Build DenseNet169 with global average pooling and nothing else before the classes."""
    pixels, x = on_backbone(DENSENET169, shape, start)
    x = layers.GlobalAveragePooling2D()(x)
    return Model(pixels, probabilities(x, classes), name="densenet169")
