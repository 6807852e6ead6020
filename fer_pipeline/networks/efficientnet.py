"""EfficientNet under a dense head.

Tan, Le: EfficientNet: Rethinking model scaling for convolutional neural networks, ICML 2019, arXiv
1905.11946; EfficientNetV2: Smaller models and faster training, ICML 2021, arXiv 2104.00298. The
study of four expressions that this follows (Sukiasian 2023, slides) has "an EfficientNet" that
begins with ImageNet weights and stays frozen, under a dense head, and no details.

The variant is ours: V2-B0. Keras publishes 78.7 % top-1 on ImageNet for it, 77.1 % for B0 and
79.8 % for V2-B1; a face of 48 pixels takes 1.5 times as long as with B0, and 1.8 times with V2-B1,
on one thread of a CPU (``benchmarks/efficientnet_variants.py``); the larger ones cost more yet. B0
was left aside for another reason too: Keras builds it with a further scaling for ImageNet weights
only, so that a file of them would be read into a network that scales otherwise.

Keras' EfficientNets take pixels of 0 to 255 and scale them by themselves. Divided by 255 before,
all faces are nearly the same to them, which is how public versions of the study came to figures no
better than chance. With one channel V2-B0 scales to −1 to 1, as its larger kin do.
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
from fer_pipeline.networks.scaling import as_it_is

EFFICIENTNETV2B0 = Backbone(
    application=applications.EfficientNetV2B0,
    url="https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2/"
    "efficientnetv2-b0_notop.h5",
    scale=as_it_is,
)


def efficientnet(shape: tuple[int, int, int], classes: int, start: Start = RANDOM) -> Model:
    """Build EfficientNetV2-B0 under the head of `under_dense_head`, which is ours."""
    pixels, x = on_backbone(EFFICIENTNETV2B0, shape, start)
    return Model(pixels, under_dense_head(x, classes), name="efficientnet")
