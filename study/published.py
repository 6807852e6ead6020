"""What the three papers report, as printed."""

from __future__ import annotations

from typing import Final

LENET: Final = {
    "training loss": 0.0115,
    "training accuracy": 0.9962,
    "validation loss": 0.0109,
    "validation accuracy": 0.9971,
}
"""Ozdemir, Elagoz, Alaybeyoglu Soy, Akan, TIPTEKNO 2020, doi 10.1109/TIPTEKNO50054.2020.9299256."""

LENET_FACES: Final = 25_000
"""More than so many, of 40 people and seven expressions."""

SECOND_COLUMNS: Final = (
    ("resnetm", "rgb"),
    ("resnetm", "gray"),
    ("densenet169", "rgb"),
    ("densenet169", "gray"),
    ("xception", "rgb"),
    ("xception", "gray"),
)

SECOND_NAMES: Final = {"resnetm": "ResNetM", "densenet169": "DenseNet", "xception": "Xception"}

SECOND_FIGURES: Final = {
    "accuracy, training": (0.9283, 0.9139, 0.9168, 0.9428, 0.9686, 0.9765),
    "accuracy, test": (0.4844, 0.4781, 0.5520, 0.5427, 0.5654, 0.5748),
    "top-2 accuracy, test": (0.6748, 0.6766, 0.7467, 0.7371, 0.7355, 0.7670),
    "time per image, s": (0.0042, 0.0047, 0.0305, 0.0299, 0.0120, 0.0123),
    "weights": (2_613_392, 2_607_120, 12_656_200, 12_649_928, 20_877_872, 20_877_296),
    "size of weights file, bytes": (
        10_654_104, 10_629_016, 51_933_264, 51_908_176, 83_826_280, 83_823_848,
    ),
}  # fmt: skip
"""Yudin, Dolzhenko, Kapustina, NEUROINFORMATICS-2019: AffectNet, testing sample 2, in the order of
`SECOND_COLUMNS`; the time is of their GPU."""

SECOND_CLASSES: Final = {
    "neutral": (
        (0.375, 0.4083, 0.4838, 0.5644, 0.5422, 0.5223),
        (0.6061, 0.5000, 0.5490, 0.3755, 0.4592, 0.5735),
    ),
    "happiness": (
        (0.5214, 0.5325, 0.7363, 0.7701, 0.7363, 0.7973),
        (0.9468, 0.9268, 0.7428, 0.7428, 0.8049, 0.7849),
    ),
    "sadness": (
        (0.5184, 0.4103, 0.6070, 0.5617, 0.5221, 0.6099),
        (0.4165, 0.5370, 0.4735, 0.4715, 0.6490, 0.4693),
    ),
    "surprise": (
        (0.4810, 0.4708, 0.4977, 0.5177, 0.5455, 0.5000),
        (0.3907, 0.3377, 0.4966, 0.5475, 0.5033, 0.6137),
    ),
    "fear": (
        (0.5880, 0.5951, 0.5867, 0.5665, 0.6181, 0.5864),
        (0.3501, 0.3542, 0.5744, 0.5898, 0.5597, 0.5765),
    ),
    "disgust": (
        (0.6510, 0.5679, 0.5287, 0.5600, 0.5912, 0.6655),
        (0.2702, 0.3259, 0.6156, 0.5070, 0.5599, 0.5097),
    ),
    "anger": (
        (0.4645, 0.4550, 0.5552, 0.4456, 0.4941, 0.4802),
        (0.5413, 0.4900, 0.4587, 0.5954, 0.4758, 0.5869),
    ),
    "contempt": (
        (0.3333, 0.5384, 0.3103, 0.2827, 0.3065, 0.3407),
        (0.0192, 0.0448, 0.4038, 0.5128, 0.3654, 0.2949),
    ),
}
"""Precision and recall of each class, in the paper's order of classes and columns."""

THIRD: Final = {
    "cnn1": ("CNN 1", 309_380, "66 to 76 %"),
    "cnn2": ("CNN 2", 391_652, "70 to 78 %"),
    "complexcnn": ("Complex CNN", 1_814_596, "76 to 84 %"),
    "vgg16": ("VGG16", 15_152_164, "48 to 80 %"),
    "resnet50v2": ("ResNet (50 V2)", None, "25 to 74 %"),
    "efficientnet": ("EfficientNet", None, "25 %"),
}
"""Sukiasian, 2023: name, weights for four classes in colour where the slides allow to count them,
and accuracy of public runs of the same exercise on its 128 test images."""
