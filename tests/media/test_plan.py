"""What is decided of a source: what is copied, what is encoded, in which sizes, from where to where."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_server.cell import coding
from media_server.video import ladder
from media_server.video.plan import AAC_LC, AUDIO_FRAME, AUDIO_RATE, TICKS, Audio, Facts, Refused, Video, plan

VIDEO = Video("h264", 1280, 720, "yuv420p", 4_000_000, Fraction(25), tuple(map(Fraction, range(0, 60, 2))), Fraction(0), "avc1.64001f")
AUDIO = Audio("aac", "LC", 48_000, 2, 128_000, Fraction(0), Fraction(60))
FACTS = Facts(Fraction(0), Fraction(60), VIDEO, AUDIO)
PICTURES = st.fractions(1, 120, max_denominator=1001)


def of(video: dict[str, Any] | None = None, audio: dict[str, Any] | None = None) -> Facts:
    return replace(FACTS, video=replace(VIDEO, **video or {}), audio=replace(AUDIO, **audio or {}))


@given(st.lists(st.fractions(Fraction(1, 30), 6), min_size=1, max_size=60), st.integers(1, 10))
def test_segments_of_copied_video_fill_it_and_begin_at_key_frames(gaps: list[Fraction], seconds: int) -> None:
    keys, at = [], Fraction(7, 3)
    for gap in gaps:
        keys.append(at)
        at += gap
    made = plan(replace(FACTS, begin=keys[0], end=at, video=replace(VIDEO, keys=tuple(keys))), seconds=seconds)
    assert sum(made.durations) == at - keys[0]
    assert {*made.bounds[:-1]} <= {*keys} and made.bounds[0] == keys[0]
    assert all(duration >= seconds for duration in made.durations[:-1])
    assert all(duration > 0 for duration in made.durations)
    assert 1 <= made.bounds[0] + made.shift < 3


@given(st.fractions(Fraction(1, 30), 100), PICTURES, st.booleans(), st.fractions(0, 3))
def test_pictures_and_sound_of_encoded_segments_fill_it(seconds: Fraction, rate: Fraction, steady: bool, begin: Fraction) -> None:
    video = replace(VIDEO, codec="vp9", rate=rate, steady=steady, keys=(begin,))
    made = plan(Facts(begin, begin + seconds, video, replace(AUDIO, codec="opus")))
    assert made.pictures is not None and made.audio_encoded
    assert made.bounds[0] == begin and made.bounds[-1] == begin + seconds
    moments = [made.moments(number) for number in range(made.segments)]
    assert [each[0] for each in moments[1:]] == [each[-1] for each in moments[:-1]], "there is a gap"
    every = [at for each in moments for at in each[:-1]]
    assert every == [round((begin + place / made.pictures.rate) * TICKS) for place in range(len(every))], "they do not come steadily"
    frames = [frame for number in range(made.segments) for frame in made.frames(number)]
    assert frames == [*range(-(-begin * AUDIO_RATE // AUDIO_FRAME), -(-(begin + seconds) * AUDIO_RATE // AUDIO_FRAME))]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FACTS, "720p copied, 480p, 360p, audio copied"),
        (of({"height": 180, "width": 320}), "180p copied, audio copied"),
        (of({"height": 1920, "width": 1080}), "1080p copied, 720p, 480p, 360p, audio copied"),
        (of({"codec": "hevc"}), "720p, 480p, 360p, audio copied"),
        (of({"pixels": "yuv444p"}), "720p, 480p, 360p, audio copied"),
        (of({"height": 2160, "width": 3840}), "1080p, 720p, 480p, 360p, audio copied"),
        (of({"bits": 90_000_000}), "720p, 480p, 360p, audio copied"),
        (of({"turned": 90}), "720p, 480p, 360p, audio copied"),
        (of({"interlaced": True}), "720p, 480p, 360p, audio copied"),
        (of({"keys": (Fraction(0), Fraction(30))}), "720p, 480p, 360p, audio copied"),
        (of(audio={"codec": "mp3float"}), "720p copied, 480p, 360p, audio"),
        (of(audio={"profile": "HE-AAC"}), "720p copied, 480p, 360p, audio"),
        (of(audio={"channels": 6}), "720p copied, 480p, 360p, audio"),
        (of(audio={"rate": 22_050}), "720p copied, 480p, 360p, audio"),
        (of(audio={"end": Fraction(50)}), "720p copied, 480p, 360p, audio"),
        (of(audio={"begin": Fraction(5)}), "720p copied, 480p, 360p, audio"),
        (replace(FACTS, audio=None), "720p copied, 480p, 360p"),
    ],
)
def test_what_is_copied_and_what_is_encoded(facts: Facts, expected: str) -> None:
    made = plan(facts)
    copied = [made.audio_encoded is False if not one.video else not one.level for one in made.renditions]
    assert ", ".join(one.name + " copied" * each for one, each in zip(made.renditions, copied, strict=True)) == expected
    assert made.within("fmp4") == made.renditions
    carrying = made.within("ts")
    assert [one.name for one in carrying] == [one.name for one in made.renditions if one.video]
    assert all(one.audio == (facts.audio is not None) == (AAC_LC in one.codecs) for one in carrying)
    assert coding.plan(json.loads(json.dumps(coding.encode(made)))) == made, "it is kept as it is"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (of({"colors": (9, 16, 9)}), r"HDR \(PQ\), and what is offered is SDR"),
        (of({"colors": (9, 18, 9)}), r"HDR \(HLG\)"),
        (replace(of({"keys": (Fraction(0),)}), end=Fraction(121)), "its key frames are 121.0 s apart, and 120 s are the most"),
    ],
)
def test_what_can_not_be_offered_is_refused(facts: Facts, said: str) -> None:
    with pytest.raises(Refused, match=said):
        plan(facts)


def test_each_segment_is_decoded_from_a_key_frame_that_needs_none_before() -> None:
    made = plan(of({"codec": "hevc", "keys": tuple(map(Fraction, (0, 3, 7, 12, 19)))}))
    assert made.pictures is not None
    assert [int(key) for key in made.pictures.keys[:7]] == [0, 3, 7, 7, 12, 19, 19]


@pytest.mark.parametrize(
    ("seconds", "period", "expected"),
    [
        (60, 15, [15]),
        (64, 15, [15, 1]),
        (4, 15, [1]),
        (12, 1, [1, 1, 1]),
        (720, 15, [15] * 12),
        (724, 15, [16] * 11 + [5]),
        (7200, 15, [150] * 12),
    ],
)
def test_so_many_segments_share_a_key(seconds: int, period: int, expected: list[int]) -> None:
    keys = tuple(map(Fraction, range(0, seconds, 2)))
    made = plan(replace(FACTS, end=Fraction(seconds), video=replace(VIDEO, keys=keys)), period=period)
    periods = [made.segments_of(number) for number in range(made.periods)]
    assert [len(each) for each in periods] == expected
    assert [made.period_of(segment) for each in periods for segment in each] == [n for n, many in enumerate(expected) for _ in range(many)]
    assert [segment for each in periods for segment in each] == [*range(made.segments)]


def test_what_a_segment_may_take_grows_with_its_pixels() -> None:
    assert plan(of({"height": 180, "width": 320})).effort(0) == 0, "what is copied is not counted"
    small, large = (plan(of({"codec": "hevc", "width": 16 * lines // 9, "height": lines})).effort(1) for lines in (360, 2160))
    assert 10 < small < 30 < large < 600


@pytest.mark.parametrize(
    ("size", "below", "expected"),
    [
        ((1920, 1080), None, [(1920, 1080), (1280, 720), (854, 480), (640, 360)]),
        ((1920, 1080), 1080, [(1280, 720), (854, 480), (640, 360)]),
        ((3840, 2160), None, [(1920, 1080), (1280, 720), (854, 480), (640, 360)]),
        ((1080, 1920), None, [(1080, 1920), (720, 1280), (480, 854), (360, 640)]),
        ((1920, 800), None, [(1920, 800), (1152, 480), (864, 360)]),
        ((720, 576), None, [(720, 576), (450, 360)]),
        ((641, 361), None, [(640, 360)]),
        ((643, 363), None, [(642, 362)]),
        ((320, 180), None, [(320, 180)]),
        ((320, 180), 180, []),
        ((7680, 1080), None, [(3840, 540), (2560, 360)]),
        ((1, 1), None, [(2, 2)]),
    ],
)
def test_the_sizes_of_a_ladder(size: tuple[int, int], below: int | None, expected: list[tuple[int, int]]) -> None:
    assert [*ladder.sizes(*size, below)] == expected


@pytest.mark.parametrize(
    ("average", "steady", "expected"),
    [
        ("25", True, "25"),
        ("19001/634", False, "30000/1001"),  # 29.97, as Matroska rounds it
        ("25/2", True, "25/2"),
        ("25/2", False, "15"),
        ("17", False, "20"),
        ("120", True, "60"),
        ("120000/1001", True, "60000/1001"),
        ("1/10", True, "1"),
        ("61", False, "48"),
    ],
)
def test_how_many_pictures_a_second_there_are(average: str, steady: bool, expected: str) -> None:
    assert ladder.rate(Fraction(average), steady) == Fraction(expected)


@pytest.mark.parametrize(
    ("size", "rate", "expected"),
    [((640, 360), 30, 30), ((1280, 720), 30, 31), ((1280, 720), 60, 32), ((1920, 1080), 30, 40), ((3840, 1080), 60, 51)],
)
def test_the_level_that_a_size_needs(size: tuple[int, int], rate: int, expected: int) -> None:
    assert ladder.level(*size, Fraction(rate)) == expected
