"""The names of the files of well-known corpora."""

from __future__ import annotations

import pytest

from fer_pipeline.errors import LabelError
from fer_pipeline.labels import LAYOUTS, LabelOptions, Stretch, VideoLabels, label_videos


@pytest.mark.parametrize(
    ("layout", "path", "participant", "emotion"),
    [
        ("ravdess", "Actor_12/02-01-06-01-02-01-12.mp4", "12", "fear"),
        ("ravdess", "02-01-01-01-02-01-03.mp4", "03", "neutral"),
        ("ravdess", "a/b/01-02-02-01-02-01-24.MP4", "24", "calm"),
        ("ravdess", "01-01-08-02-02-02-01.mp4", "01", "surprise"),
        ("crema-d", "1001_DFA_ANG_XX.flv", "1001", "anger"),
        ("crema-d", "VideoFlash/1091_WSI_NEU_XX.flv", "1091", "neutral"),
        ("crema-d", "1040_ITH_SAD_X.flv", "1040", "sadness"),
        ("savee", "DC_a01.avi", "DC", "anger"),
        ("savee", "AudioVisualClip/KL/su15.avi", "KL", "surprise"),
        ("savee", "JE/sa02.avi", "JE", "sadness"),
        ("savee", "JK/n30.avi", "JK", "neutral"),
        ("mead", "M003/video/front/angry/level_1/001.mp4", "M003", "anger"),
        ("mead", "MEAD/W011/video/left_30/surprised/level_3/020.mp4", "W011", "surprise"),
        ("mead", "M003/contempt/001.mp4", "M003", "contempt"),
        ("MEAD", "M003/video/front/disgusted/level_1/001.mp4", "M003", "disgust"),
    ],
)
def test_layout(layout: str, path: str, participant: str, emotion: str) -> None:
    labelling = label_videos([path], LabelOptions(layout=layout))
    assert labelling.videos == {path: VideoLabels((Stretch(emotion, participant),), "layout")}


@pytest.mark.parametrize(
    ("layout", "path"),
    [
        ("ravdess", "Actor_12/02-01-09-01-02-01-12.mp4"),
        ("ravdess", "02-01-06-01-02-01.mp4"),
        ("crema-d", "1001_DFA_SUR_XX.flv"),
        ("crema-d", "1001_DFA_ANG.flv"),
        ("savee", "a01.avi"),
        ("savee", "DC/x01.avi"),
        ("savee", "DC/s01.avi"),
        ("mead", "video/front/angry/level_1/001.mp4"),
        ("mead", "M003/video/front/level_1/001.mp4"),
    ],
)
def test_layout_refuses(layout: str, path: str) -> None:
    with pytest.raises(LabelError, match="form, such as"):
        LAYOUTS[layout](path)
