"""ResNets under a dense head.

He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR 2016, doi
10.1109/CVPR.2016.90; and, for the second version, Identity mappings in deep residual networks, ECCV
2016, doi 10.1007/978-3-319-46493-0_38. The study of four expressions that this follows (Sukiasian
2023, slides) has "a ResNet" that begins with ImageNet weights and stays frozen, under a dense head,
and no details; its public versions take ResNet101 or ResNet50V2. Their default input is that of
the study's images, 48 pixels, of which two by two places are left before the head; larger inputs
are nearer to what ImageNet weights have seen.
"""

from __future__ import annotations

from keras import Model, applications

from fer_pipeline.networks.backbones import (
    RANDOM,
    Backbone,
    Start,
    on_backbone,
    under_dense_head,
)
from fer_pipeline.networks.scaling import to_centred_bgr, to_unit

_URL = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"

RESNET50V2 = Backbone(
    application=applications.ResNet50V2,
    url=f"{_URL}resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
    scale=to_unit,
)

RESNET101 = Backbone(
    application=applications.ResNet101,
    url=f"{_URL}resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5",
    scale=to_centred_bgr,
)


def resnet50v2(shape: tuple[int, int, int], classes: int, start: Start = RANDOM) -> Model:
    """Build ResNet50V2 under the head of `under_dense_head`, which is ours."""
    pixels, x = on_backbone(RESNET50V2, shape, start)
    return Model(pixels, under_dense_head(x, classes), name="resnet50v2")


def resnet101(shape: tuple[int, int, int], classes: int, start: Start = RANDOM) -> Model:
    """Build ResNet101 under the head of `under_dense_head`, which is ours."""
    pixels, x = on_backbone(RESNET101, shape, start)
    return Model(pixels, under_dense_head(x, classes), name="resnet101")
