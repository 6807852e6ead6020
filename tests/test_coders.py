"""What coders wrote, in the formats of their programs, read as it was meant or refused."""

from __future__ import annotations

import tempfile
import xml.etree.ElementTree as ET
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from praatio.textgrid import IntervalTier, PointTier, Textgrid
from pympi.Elan import Eaf

from fer_pipeline.coders import (
    Code,
    NewTier,
    Wanted,
    add_tiers,
    move_links,
    parse_elan,
    read_coding,
    write_document,
)
from fer_pipeline.errors import CoderError

CLIP = Wanted("P1/talk.mp4")
CODES = [Code(0.5, 1.25, "smile"), Code(1.25, 2.0, "frown"), Code(3.0, 3.5, "smile")]


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text(text, encoding, newline="")
    return path


def elan(folder: Path, tiers: dict[str, list[Code]], origin: int | None = None) -> Path:
    eaf = Eaf()
    eaf.remove_tier("default")
    for name, codes in tiers.items():
        eaf.add_tier(name)
        for one in codes:
            eaf.add_annotation(name, round(1000 * one.start), round(1000 * one.end), one.text)
    eaf.add_linked_file(
        "file:///study/other%20view.mp4", relpath="./other view.mp4", mimetype="video/mp4"
    )
    eaf.add_linked_file(
        "file:///study/talk.mp4", relpath="./talk.mp4", mimetype="video/mp4", time_origin=origin
    )
    path = folder / "coder.eaf"
    eaf.to_file(path)
    return path


def praat(folder: Path, tiers: dict[str, list[Code]], form: str = "long_textgrid") -> Path:
    grid = Textgrid(0, 10)
    for name, codes in tiers.items():
        grid.addTier(IntervalTier(name, [(one.start, one.end, one.text) for one in codes], 0, 10))
    grid.addTier(PointTier("clicks", [(1.0, "click")], 0, 10))
    path = folder / "coder.TextGrid"
    grid.save(str(path), form, includeBlankSpaces=True)
    return path


# ELAN


def test_a_tier_of_elan(tmp_path):
    path = elan(tmp_path, {"expression": CODES, "speech": [Code(0, 1, "well")]})
    found = read_coding(path, Wanted("talk.mp4", "expression"))
    assert list(found.codes) == CODES
    assert found.media == ("other view.mp4", "talk.mp4")
    assert (found.tier, found.unit, found.origin) == ("expression", "second", 0.0)


def test_the_only_tier_with_codes_needs_no_name(tmp_path):
    assert (
        read_coding(elan(tmp_path, {"expression": CODES, "empty": []}), CLIP).tier == "expression"
    )


def test_a_tier_that_is_not_there_lists_those_that_are(tmp_path):
    path = elan(tmp_path, {"expression": CODES, "speech": CODES, "empty": []})
    with pytest.raises(CoderError, match="no tier 'face' with codes; there is 'expression', 'spe"):
        read_coding(path, Wanted("talk.mp4", "face"))
    with pytest.raises(CoderError, match=r"which tier is meant\?.*'speech'; name it with --tier"):
        read_coding(path, CLIP)
    with pytest.raises(CoderError, match="has no tier with codes"):
        read_coding(elan(tmp_path, {"empty": []}), CLIP)


def test_the_clock_of_elan_may_begin_inside_the_clip(tmp_path):
    assert read_coding(elan(tmp_path, {"a": CODES}, origin=2500), CLIP).origin == 2.5


def test_annotations_that_depend_on_others_have_their_times(tmp_path):
    path = elan(tmp_path, {"speech": [Code(1, 2, "a b"), Code(4, 5, "c")]})
    eaf = Eaf(path)
    eaf.add_linguistic_type("parts", "Symbolic_Subdivision")
    eaf.add_linguistic_type("word", "Symbolic_Association")
    eaf.add_tier("face", "word", parent="speech")
    eaf.add_ref_annotation("face", "speech", 4500, "sad")
    eaf.add_tier("words", "parts", parent="speech")
    eaf.add_ref_annotation("words", "speech", 1500, "happy")
    eaf.add_ref_annotation("words", "speech", 1500, "angry", prev="a4")
    eaf.to_file(path)
    assert read_coding(path, Wanted("talk.mp4", "face")).codes == (Code(4, 5, "sad"),)
    words = read_coding(path, Wanted("talk.mp4", "words")).codes
    assert words == (Code(1, 1.5, "happy"), Code(1.5, 2, "angry"))


def test_slots_without_a_time_lie_between_the_others(tmp_path):
    path = elan(tmp_path, {"a": [Code(1, 2, "x"), Code(2, 3, "y"), Code(3, 4, "z")]})
    root = ET.parse(path).getroot()
    slots = {one.get("TIME_VALUE"): one for one in root.iter("TIME_SLOT")}
    order = root.find("TIME_ORDER")
    ends = sorted(order, key=lambda one: int(one.get("TIME_VALUE")))
    order[:] = ends
    for one in ends[2:4]:
        del one.attrib["TIME_VALUE"]
    assert len(slots) == 4
    ET.ElementTree(root).write(path)
    codes = read_coding(path, CLIP).codes
    assert [code.start for code in codes] == [1, pytest.approx(2 + 1 / 3), 3]


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><ANNOTATION_DOCUMENT>&x;'
        "</ANNOTATION_DOCUMENT>",
        '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;</a>',
        '<!DOCTYPE a SYSTEM "http://localhost:1/a.dtd"><ANNOTATION_DOCUMENT/>',
        "<!DOCTYPE a><ANNOTATION_DOCUMENT/>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_with_a_document_type_is_refused(text, encoding, tmp_path):
    text = f'<?xml version="1.0" encoding="{encoding}"?>{text}'
    with pytest.raises(CoderError, match=r"coder\.eaf: declares a document type"):
        read_coding(write(tmp_path, "coder.eaf", text, encoding), CLIP)


def test_a_bomb_is_refused_before_it_grows(tmp_path):
    entities = "".join(
        f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "ha" * 10}">' for i in range(30)
    )
    text = f"<?xml version='1.0'?><!DOCTYPE a [{entities}]><a>&e29;</a>"
    with pytest.raises(CoderError, match="declares a document type"):
        read_coding(write(tmp_path, "coder.eaf", text), CLIP)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<a>", "is no XML"),
        ("start,end,code\n", "is no XML"),
        ("<html/>", r"is no ELAN file \(its root is html\)"),
        (
            '<ANNOTATION_DOCUMENT><TIER TIER_ID="a"><ANNOTATION><ALIGNABLE_ANNOTATION '
            'ANNOTATION_ID="a1" TIME_SLOT_REF1="t1" TIME_SLOT_REF2="t2"/></ANNOTATION></TIER>'
            "</ANNOTATION_DOCUMENT>",
            "is a broken ELAN file",
        ),
        (
            '<ANNOTATION_DOCUMENT><TIER TIER_ID="a"><ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a1" '
            'ANNOTATION_REF="a1"><ANNOTATION_VALUE>x</ANNOTATION_VALUE></REF_ANNOTATION>'
            "</ANNOTATION></TIER></ANNOTATION_DOCUMENT>",
            "is a broken ELAN file",
        ),
        (
            '<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="PAL-frames"/></ANNOTATION_DOCUMENT>',
            "its times count PAL-frames",
        ),
    ],
)
def test_what_is_no_file_of_elan_is_told(text, problem, tmp_path):
    with pytest.raises(CoderError, match=problem):
        read_coding(write(tmp_path, "coder.eaf", text), CLIP)


def test_tiers_are_added_and_all_else_stays(tmp_path):
    path = elan(tmp_path, {"expression": CODES, "fer": []})
    text = path.read_text("utf-8").replace(
        "</ANNOTATION_DOCUMENT>",
        '<!-- of us --><REF_LINK_SET LINK_SET_ID="rls1"/></ANNOTATION_DOCUMENT>',
    )
    text = text.replace("<ALIGNABLE_ANNOTATION ", '<ALIGNABLE_ANNOTATION CVE_REF="cveid7" ', 1)
    write(tmp_path, "coder.eaf", text)
    root = parse_elan(path)
    new = [NewTier("fer", (Code(0.1, 0.2, "joy"), Code(0.2, 0.2, "<fear & co>")))]
    add_tiers(root, new)
    write_document(root, tmp_path / "both.eaf")
    written = (tmp_path / "both.eaf").read_text("utf-8")
    for kept in ("CVE_REF", "REF_LINK_SET", "<!-- of us -->", "xsi:noNamespaceSchemaLocation"):
        assert kept in written
    eaf = Eaf(tmp_path / "both.eaf")
    assert eaf.get_annotation_data_for_tier("fer (2)") == [
        (100, 200, "joy"),
        (200, 201, "<fear & co>"),
    ]
    assert read_coding(tmp_path / "both.eaf", Wanted("talk.mp4", "expression")).codes == tuple(
        CODES
    )
    ids = [one.get("ANNOTATION_ID") for one in root.iter("ALIGNABLE_ANNOTATION")]
    assert len(ids) == len(set(ids)) == 5
    tags = [child.tag for child in root if isinstance(child.tag, str)]
    order = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE"]
    places = [order.index(tag) for tag in tags if tag in order]
    assert places == sorted(places)


def test_the_ids_that_elan_gives_next_are_free(tmp_path):
    path = elan(tmp_path, {"expression": CODES})
    eaf = Eaf(path)
    eaf.add_property("lastUsedAnnotationId", "40")
    eaf.to_file(path)
    root = parse_elan(path)
    add_tiers(root, [NewTier("fer", (Code(0, 1, "joy"),))])
    assert "a41" in [one.get("ANNOTATION_ID") for one in root.iter("ALIGNABLE_ANNOTATION")]
    told = [one.text for one in root.iter("PROPERTY") if one.get("NAME") == "lastUsedAnnotationId"]
    assert told == ["41"]


def test_links_hold_for_a_copy_elsewhere(tmp_path):
    path = elan(tmp_path, {"expression": CODES})
    root = parse_elan(path)
    move_links(root, path, tmp_path / "out" / "both.eaf")
    links = [one.get("RELATIVE_MEDIA_URL") for one in root.iter("MEDIA_DESCRIPTOR")]
    assert links == ["../other view.mp4", "../talk.mp4"]


# Praat


@pytest.mark.parametrize("form", ["long_textgrid", "short_textgrid"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_tier_of_praat(form, encoding, tmp_path):
    path = praat(tmp_path, {"expression": CODES}, form)
    path.write_text(path.read_text("utf-8"), encoding)
    assert list(read_coding(path, CLIP).codes) == CODES


def test_a_praat_tier_that_is_not_there_lists_those_that_are(tmp_path):
    path = praat(tmp_path, {"expression": CODES, "speech": CODES})
    with pytest.raises(CoderError, match="no interval tier 'clicks' with codes; there is 'expr"):
        read_coding(path, Wanted("talk.mp4", "clicks"))


@pytest.mark.parametrize(
    "text", ["", "hello", 'File type = "ooTextFile"\nObject class = "Pitch 1"']
)
def test_what_is_no_textgrid_is_told(text, tmp_path):
    with pytest.raises(CoderError, match=r"coder\.TextGrid: "):
        read_coding(write(tmp_path, "coder.TextGrid", text), CLIP)


# BORIS

TABULAR = (
    "Observation id\tSubject\tBehavior\tBehavior type\tTime\tMedia file name\n"
    "obs\tP1\tsmile\tSTART\t0.5\t/v/talk.mp4\n"
    "obs\tP1\tblink\tPOINT\t0.6\t/v/talk.mp4\n"
    "obs\tP1\tsmile\tSTOP\t1.25\t/v/talk.mp4\n"
    "obs\tP1\tfrown\tSTART\t1.25\t/v/talk.mp4\n"
    "obs\tP1\tfrown\tSTOP\t2\t/v/talk.mp4\n"
    "obs\tP1\tsmile\tSTART\t3\t/v/talk.mp4\n"
    "obs\tP1\tsmile\tSTOP\t3.5\t/v/talk.mp4\n"
)
OLD = (
    "Observation id,obs\n\nMedia file(s)\n\n"
    "Time,Media file path,Total length,FPS,Subject,Behavior,Behavioral category,Comment,Status\n"
    "0.5,talk.mp4,10,25,,smile,,,START\n1.25,talk.mp4,10,25,,smile,,,STOP\n"
    "1.25,talk.mp4,10,25,,frown,,,START\n2,talk.mp4,10,25,,frown,,,STOP\n"
    "3,talk.mp4,10,25,,smile,,,START\n3.5,talk.mp4,10,25,,smile,,,STOP\n"
)
AGGREGATED = (
    "Observation id;Media file name;Subject;Behavior;Behavior type;Start (s);Stop (s)\n"
    "obs;talk.mp4;P1;smile;STATE;0,5;1,25\nobs;talk.mp4;P1;frown;STATE;1,25;2\n"
    "obs;talk.mp4;P1;blink;POINT;0,6;0,6\nobs;talk.mp4;P1;smile;STATE;3;3,5\n"
)


@pytest.mark.parametrize("text", [TABULAR, OLD, AGGREGATED])
def test_events_of_boris(text, tmp_path):
    path = write(tmp_path, "coder.tsv", text)
    assert list(read_coding(path, CLIP).codes) == CODES


def test_events_of_other_clips_and_subjects_are_left_alone(tmp_path):
    more = TABULAR + "obs\tP2\tx\tSTART\t0\ttalk.mp4\nobs\tP2\tx\tSTOP\t1\ttalk.mp4\n"
    more += "b\tP1\ty\tSTART\t0\tb.mp4\nb\tP1\ty\tSTOP\t1\tb.mp4\n"
    path = write(tmp_path, "coder.tsv", more)
    assert list(read_coding(path, Wanted("talk.mp4", "P1")).codes) == CODES
    assert [one.text for one in read_coding(path, Wanted("b.mp4")).codes] == ["y"]
    with pytest.raises(CoderError, match=r"which subject is meant\? there is 'P1', 'P2'"):
        read_coding(path, CLIP)
    with pytest.raises(CoderError, match=r"no event is of c\.mp4; there is '/v/talk.mp4'"):
        read_coding(path, Wanted("c.mp4"))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("smile\tSTOP\t1.25", "smile\tSTART\t1.25"), "line 4: 'smile' starts, and it has not"),
        (("smile\tSTART\t0.5", "smile\tSTOP\t0.5"), "line 2: 'smile' stops, and it has not"),
        (("frown\tSTOP\t2", "frown\tPOINT\t2"), "line 5: 'frown' starts and never stops"),
        (("0.5", "soon"), "line 2: the Time 'soon' is no number"),
        (("POINT", "HOLD"), "line 3: 'HOLD' is neither"),
    ],
)
def test_events_that_make_no_sense_are_told(change, problem, tmp_path):
    with pytest.raises(CoderError, match=problem):
        read_coding(write(tmp_path, "coder.tsv", TABULAR.replace(*change)), CLIP)


# Tables


@pytest.mark.parametrize(
    "text",
    [
        "start,end,code\n0.5,1.25,smile\n1.25,2,frown\n3,3.5,smile\n",
        "onset\tduration\ttrial_type\n0.5\t0.75\tsmile\n1.25\t0.75\tfrown\n3\t0.5\tsmile\n",
        "Code;Start;End;note\nsmile;0,5;1,25;=a\nfrown;1,25;2;\nsmile;3;3,5;;\n",
        "video,start,end,what\ntalk.mp4,3,3.5,smile\nP1/talk.mp4,0.5,1.25,smile\n"
        "b.mp4,0,9,x\n,1.25,2,frown\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_of_spans(text, encoding, tmp_path):
    assert list(read_coding(write(tmp_path, "c.csv", text, encoding), CLIP).codes) == CODES


def test_a_code_for_each_frame(tmp_path):
    path = write(tmp_path, "c.csv", "frame,code\n0,smile\n1,\n2,frown\n")
    found = read_coding(path, CLIP)
    assert found.unit == "frame"
    assert found.codes == (Code(0, 1, "smile"), Code(2, 3, "frown"))


def test_a_code_for_each_time_holds_until_the_next(tmp_path):
    path = write(tmp_path, "c.csv", "time,code\n0.5,smile\n1.25,frown\n2,\n3,smile\n3.5,\n")
    assert list(read_coding(path, CLIP).codes) == CODES
    path = write(tmp_path, "d.csv", "time,code\n0,smile\n1,frown\n")
    assert read_coding(path, CLIP).codes[-1] == Code(1, 2, "frown")


def test_the_column_of_codes_may_be_named(tmp_path):
    path = write(tmp_path, "c.csv", "start,end,code,arousal\n0,1,smile,3\n")
    assert read_coding(path, Wanted("a.mp4", "Arousal")).codes == (Code(0, 1, "3"),)
    with pytest.raises(CoderError, match="no column 'valence' with codes; there is 'start'"):
        read_coding(path, Wanted("a.mp4", "valence"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "which column is meant"),
        ("code\nx\n", "tells no start and end, no frame and no time"),
        ("start,end,code\n2,1,x\n", "line 2: the end 1 is before the start 2"),
        ("start,end,code\n1,1,x\n", "no code of 'code' lasts any time"),
        ("start,end,code\n1,x,x\n", "line 2: the end 'x' is no number"),
        ("start,end,code\n1,2,x,y\n", "line 2: it has 4 cells and the header 3"),
        ("start,end,code,code\n1,2,x,y\n", "the column 'code' occurs twice"),
        ("frame,code\n1,x\n1,y\n", "line 3: the frame 1 occurs twice"),
        ("frame,code\n1.5,x\n", "line 2: the frame '1.5' is none"),
        ("time,code\n1,x\n0.5,y\n", "line 3: the time 0.5 is not after 1"),
        ("video,start,end,code\nb.mp4,0,1,x\n", "no row is of P1/talk.mp4; there is 'b.mp4'"),
        ('start,end,code\n0,1,"x\n', "cannot be read as a table"),
    ],
)
def test_tables_that_make_no_sense_are_told(text, problem, tmp_path):
    with pytest.raises(CoderError, match=problem):
        read_coding(write(tmp_path, "c.csv", text), CLIP)


@pytest.mark.parametrize("name", ["missing.eaf", "missing.TextGrid", "missing.csv"])
def test_a_file_that_is_not_there_is_told(name, tmp_path):
    with pytest.raises(CoderError, match=f"{name}: cannot be read"):
        read_coding(tmp_path / name, CLIP)


def test_a_format_that_is_not_known_is_told(tmp_path):
    with pytest.raises(CoderError, match="codes are read from ELAN"):
        read_coding(tmp_path / "a.doc", CLIP)


# Any codes

_word = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    lambda text: text == text.strip() and text[0] not in "'\"=+-@＝＋－＠" and text < "\ufffe"
)


@st.composite
def _codings(draw: st.DrawFn) -> list[Code]:
    codes, time = [], 0
    for text in draw(st.lists(_word, min_size=1, max_size=5)):
        start = time + draw(st.integers(0, 900))
        time = start + draw(st.integers(1, 900))
        codes.append(Code(start / 1000, time / 1000, text))
    return codes


@settings(max_examples=40)
@given(_codings())
def test_any_codes_come_back_from_elan_and_tables(codes):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        assert list(read_coding(elan(folder, {"a": codes}), CLIP).codes) == codes
        rows = [
            f'{one.start},{one.end},"{one.text.replace(chr(34), chr(34) * 2)}"' for one in codes
        ]
        path = write(folder, "c.csv", "\n".join(["start,end,code", *rows]))
        assert list(read_coding(path, CLIP).codes) == codes


@settings(max_examples=100)
@given(st.text(max_size=200), st.sampled_from([".eaf", ".TextGrid", ".csv", ".tsv"]))
def test_any_text_is_read_or_refused(text, suffix):
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / f"coder{suffix}"
        path.write_bytes(text.encode("utf-8", "replace"))
        with suppress(CoderError):
            read_coding(path, CLIP)
