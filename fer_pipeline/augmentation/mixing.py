"""Faces blended in pairs, so that a network does not become too sure of what is between classes."""

from __future__ import annotations

import numpy as np

from fer_pipeline.domain import FloatArray, UInt8Array


def mix(
    faces: UInt8Array, targets: FloatArray, alpha: float, rng: np.random.Generator
) -> tuple[UInt8Array, FloatArray]:
    """Blend each face with another one of the batch, and what is to be told of them likewise.

    Mixup: Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018.

    Args:
        faces: Shape (N, height, width, channels).
        targets: Share of each emotion in each face, shape (N, emotions).
        alpha: Both parameters of the Beta distribution that the share of the other face is drawn
            from: below 1, most faces stay nearly as they are.
        rng: Decides about everything.

    Returns:
        Faces and targets of the same shapes.
    """
    others = rng.permutation(len(faces))
    share = rng.beta(alpha, alpha, len(faces)).astype(np.float32)
    share = np.minimum(share, 1 - share)  # the face itself outweighs the other one
    of_faces, of_targets = share[:, None, None, None], share[:, None]
    blended = faces * (1 - of_faces) + faces[others] * of_faces
    mixed: UInt8Array = np.rint(blended).astype(np.uint8)
    return mixed, targets * (1 - of_targets) + targets[others] * of_targets
