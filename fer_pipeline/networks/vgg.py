"""VGG16 under the head of a study of four expressions.

Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition, ICLR 2015,
arXiv 1409.1556. The head: Sukiasian: Deep Learning: Facial Expression Recognition (2023), slides.
"""

from __future__ import annotations

from keras import Model, applications, layers

from fer_pipeline.networks.backbones import RANDOM, Backbone, Start, on_backbone
from fer_pipeline.networks.output import probabilities
from fer_pipeline.networks.scaling import to_centred_bgr

VGG16 = Backbone(
    application=applications.VGG16,
    url="https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
    "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    scale=to_centred_bgr,
)


def vgg16(shape: tuple[int, int, int], classes: int, start: Start = RANDOM) -> Model:
    """Build VGG16 with dense layers of 512, 256, 128, 64 and 32.

    The slides have dropout and normalisation in the head without saying where; the number of
    parameters leaves one normalisation, behind the last dense layer. Rates and places of the
    dropout are ours, and so is pooling, which changes nothing at the study's 48 pixels, where one
    place is left, and keeps the head small at others.
    """
    pixels, x = on_backbone(VGG16, shape, start)
    x = layers.GlobalAveragePooling2D()(x)
    for units in (512, 256, 128):
        x = layers.Dense(units, activation="relu")(x)
        x = layers.Dropout(0.3)(x)
    for units in (64, 32):
        x = layers.Dense(units, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    return Model(pixels, probabilities(x, classes), name="vgg16")
