"""WebVTT as it is taken: what is understood, what is refused and why, and that what is kept stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_server.captions import language
from media_server.captions.text import DEPTH_MAX
from media_server.captions.webvtt import BYTES_MAX, CUES_MAX, cues, written
from media_server.captions.wrong import LINE_MAX, Wrong

TIMES = "00:00:01.000 --> 00:00:02.500"


def file(*blocks: str) -> bytes:
    return "\n\n".join(("WEBVTT", *blocks)).encode() + b"\n"


def cue(*text: str, settings: str = "") -> bytes:
    return file("\n".join((TIMES + settings, *text)))


def kept(data: bytes) -> bytes:
    return written(cues(data))


HELLO = cue("Hello")
TAKEN = {
    "as it is kept": (HELLO, HELLO),
    "no line end at the end": (HELLO.rstrip(), HELLO),
    "a mark of UTF-8": (b"\xef\xbb\xbf" + HELLO, HELLO),
    "Windows' line ends": (HELLO.replace(b"\n", b"\r\n"), HELLO),
    "old Macs' line ends": (HELLO.replace(b"\n", b"\r"), HELLO),
    "many empty lines": (HELLO.replace(b"\n\n", b"\n\n\n\n") + b"\n\n\n", HELLO),
    "a title": (HELLO.replace(b"WEBVTT", b"WEBVTT - A lesson\t!"), HELLO),
    "what programs write of it": (HELLO.replace(b"WEBVTT", b"WEBVTT\nKind: captions\nLanguage: en"), HELLO),
    "without hours": (file("00:01.000 --> 00:02.500\nHello"), HELLO),
    "blanks around times": (file(" 00:00:01.000-->\t00:00:02.500 \t\nHello"), HELLO),
    "many hours": (file("100:00:00.000 --> 9999:59:59.999\nHello"), file("100:00:00.000 --> 9999:59:59.999\nHello")),
    "a name": (file(f"intro 1\n{TIMES}\nHello"), HELLO),
    "comments": (file("NOTE by me", f"{TIMES}\nHello", "NOTE\nof two\nlines"), HELLO),
    "a style sheet": (file("STYLE\n::cue { background: url(https://evil.example/?seen) }", f"{TIMES}\nHello"), HELLO),
    "a style sheet behind a cue": (file(f"{TIMES}\nHello", "STYLE\n::cue { color: red }"), HELLO),
    "a region": (file("REGION\nid:fred width:40%", f"{TIMES} region:fred\nHello"), HELLO),
    "settings, in whatever order": (
        cue("Hello", settings=" align:start  size:50.5%\tposition:10%,line-left line:-1,end vertical:rl"),
        cue("Hello", settings=" vertical:rl line:-1,end position:10%,line-left size:50.5% align:start"),
    ),
    "no text": (cue(), cue()),
    "at the same time": (file(f"{TIMES}\none", f"{TIMES}\ntwo"), file(f"{TIMES}\none", f"{TIMES}\ntwo")),
    "tags": (
        cue("<v.loud  Fred  F. >Hi</v> <i.a.b>you</i>", "<ruby>漢<rt>kan</rt></ruby> <lang de-CH><b>grüezi</b></lang> <c>c</c> <u>u</u>"),
        cue("<v.loud Fred F.>Hi</v> <i.a.b>you</i>", "<ruby>漢<rt>kan</rt></ruby> <lang de-CH><b>grüezi</b></lang> <c>c</c> <u>u</u>"),
    ),
    "who speaks to the end": (cue("<v Fred>Hi,", "you"), cue("<v Fred>Hi,", "you</v>")),
    "word by word": (cue("So<00:01.200><c> it</c><00:00:02.500> is"), cue("So<00:00:01.200><c> it</c><00:00:02.500> is")),
    "a tag over two lines": (cue("<i>one", "two</i>"), cue("<i>one", "two</i>")),
    "characters that mean something": (
        cue("Tom & Jerry > 1 &lt;b&gt; &amp;amp; &copy;"),
        cue("Tom &amp; Jerry &gt; 1 &lt;b&gt; &amp;amp; ©"),
    ),
    "an arrow that is none": (cue("a --&gt; b"), cue("a --&gt; b")),
    "a line of blanks": (cue(" ", "Hello"), cue(" ", "Hello")),
    "lines of other alphabets": (cue("a\u2028b \u200f\u05e9\u05dc\u200e 🎬"), cue("a\u2028b \u200f\u05e9\u05dc\u200e 🎬")),
    "as many cues as are taken": (file(*[f"{TIMES}\nx"] * CUES_MAX), file(*[f"{TIMES}\nx"] * CUES_MAX)),
    "a line as long as is taken": (cue("x" * LINE_MAX), cue("x" * LINE_MAX)),
}


@pytest.mark.parametrize(("data", "expected"), TAKEN.values(), ids=TAKEN)
def test_what_is_taken(data: bytes, expected: bytes) -> None:
    assert kept(data) == expected
    assert kept(expected) == expected


REFUSED = {
    "nothing": (b"", "line 1: a WebVTT file begins with `WEBVTT`"),
    "no header": (HELLO.removeprefix(b"WEBVTT\n\n"), "line 1: a WebVTT file begins with `WEBVTT`"),
    "SubRip": (b"1\r\n00:00:01,000 --> 00:00:02,500\r\nHello\r\n", "line 1: a WebVTT file begins with `WEBVTT`"),
    "another header": (HELLO.replace(b"WEBVTT", b"WEBVTTX"), "line 1: a WebVTT file begins"),
    "an empty line first": (b"\n" + HELLO, "line 1: a WebVTT file begins"),
    "no cues": (b"WEBVTT\n\nNOTE nothing\n", "there are no cues"),
    "no empty line behind the header": (HELLO.replace(b"\n\n", b"\n"), "line 2: between `WEBVTT` and the first cue is an empty line"),
    "a segment of HLS": (
        HELLO.replace(b"WEBVTT", b"WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0"),
        "line 2: `X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGT…` is nothing that a header has",
    ),
    "UTF-16": (HELLO.decode().encode("utf-16"), "line 1: it is not UTF-8"),
    "Latin-1": (cue("Hello", "Gr\u00fc\u00dfe").decode().encode("latin-1"), "line 5: it is not UTF-8"),
    "a character cut in two": (HELLO[:-1] + b"\xf0\x9f", "line 4: it is not UTF-8"),
    "a NUL": (cue("Hel\0lo"), "line 4: the character U+0000 is no text"),
    "an escape": (cue("Hel\x1b[31mlo"), "line 4: the character U+001B is no text"),
    "a NUL by reference": (cue("one", "two &#x81;"), "line 5: the character U+0081 is no text"),
    "an empty line by reference": (cue("a&#10;&#10;b"), "line 4: the character U+000A is no text"),
    "a line that is empty by reference": (cue("&#1;", "b"), "line 4: `&#1;` is no text"),
    "an arrow by reference": (cue("<v 00:01.000 --&#45;>00:02.000"), "line 4: `-->` in the text of a cue"),
    "a number without end": (cue("&#" + "9" * LINE_MAX), f"line 4: it has more than {LINE_MAX} characters"),
    "no times": (file(f"{TIMES}\nHello", "one\ntwo\nthree"), "line 6: `one` begins no cue"),
    "a name alone": (file("one"), "line 3: `one` begins no cue"),
    "times of SubRip": (file("00:00:01,000 --> 00:00:02,500\nHello"), "line 3: `00:00:01,000` is no time: it is written `00:00:01.000`"),
    "61 seconds": (file("00:00:01.000 --> 00:00:61.000\nHello"), "line 3: `00:00:61.000` is no time"),
    "hours of one digit": (file("0:00:01.000 --> 0:00:02.000\nHello"), "line 3: `0:00:01.000` is no time"),
    "hours without end": (file(f"00:00:01.000 --> {'9' * 50}:00:02.000\nHello"), f"line 3: `{'9' * 40}…` is no time"),
    "digits of another alphabet": (file("00:00:0\u0661.000 --> 00:00:02.000\nHello"), "line 3: `00:00:0\u0661.000` is no time"),
    "times without end": (file("00:00:01.000 -->\nHello"), "line 3: `00:00:01.000 -->` tells no times"),
    "three times": (file(f"{TIMES} --> 00:00:03.000\nHello"), "line 3: `00:00:01.000 --> 00:00:02.500 --> 00:00:…` tells no times"),
    "an end before the beginning": (file("00:00:02.000 --> 00:00:01.000\nHello"), "line 3: the cue ends before it begins"),
    "no time at all": (file("00:00:02.000 --> 00:00:02.000\nHello"), "line 3: the cue ends before it begins"),
    "out of order": (
        file(f"{TIMES}\nHello", "2\n00:00:00.999 --> 00:00:02.500\nHello"),
        "line 7: the cue begins before the one that stands before it",
    ),
    "no empty line between cues": (cue("Hello", TIMES), "line 5: `-->` in the text of a cue: before the next cue is an empty line"),
    "a cue in a comment": (file(f"NOTE\n{TIMES}\nHello"), "line 4: `-->` in a block that begins with `NOTE`"),
    "a cue in a style sheet": (file(f"STYLE\n{TIMES}\nHello"), "line 4: `-->` in a block that begins with `STYLE`"),
    "an unknown setting": (cue("Hello", settings=" colour:red"), "line 3: `colour:red` is no setting of a cue"),
    "a setting twice": (cue("Hello", settings=" size:5% size:6%"), "line 3: `size` is set twice"),
    "too much": (cue("Hello", settings=" size:101%"), "line 3: `101%` is nothing that `size` can be"),
    "a setting of old browsers": (cue("Hello", settings=" align:middle"), "line 3: `middle` is nothing that `align` can be"),
    "a setting without a value": (cue("Hello", settings=" align"), "line 3: `` is nothing that `align` can be"),
    "a script": (cue("<script>alert(1)</script>"), "line 4: `<script>` is no tag of WebVTT: there are b, c, i, lang, rt, ruby, u, v"),
    "a picture": (cue('<img src="https://evil.example/">'), 'line 4: `<img src="https://evil.example/">` is no tag'),
    "an attribute": (cue('<b onclick="x">Hello</b>'), 'line 4: `<b onclick="x">` says too much'),
    "a tag of capitals": (cue("<B>Hello</B>"), "line 4: `<B>` is no tag"),
    "a tag without a name": (cue("<>Hello"), "line 4: `<>` is no tag"),
    "nobody speaks": (cue("<v>Hello"), "line 4: `<v>` does not say who speaks"),
    "nobody speaks, by reference": (cue("<v &#32;>Hello"), "line 4: `<v &#32;>` does not say who speaks"),
    "no language": (cue("<lang x>Hello</lang>"), "line 4: `x` is no language"),
    "rt alone": (cue("<rt>Hello</rt>"), "line 4: `<rt>` stands in `<ruby>`"),
    "a tag that does not end": (cue("1 < 2"), "line 4: `<` begins a tag that does not end"),
    "a tag that is not ended": (cue("<b>Hello", "you"), "line 5: `<b>` is not ended in its cue"),
    "tags that cross": (cue("<b><i>Hello</b></i>"), "line 4: `</b>` ends what was not begun last"),
    "an end of nothing": (cue("Hello</b>"), "line 4: `</b>` ends what was not begun last"),
    "too deep": (cue("<b>" * (DEPTH_MAX + 1)), f"line 4: more than {DEPTH_MAX} tags are within each other"),
    "a moment before the cue": (cue("a<00:00:00.900>b"), "line 4: `<00:00:00.900>` is not within its cue"),
    "a moment behind the cue": (cue("a<00:00:02.501>b"), "line 4: `<00:00:02.501>` is not within its cue"),
    "moments out of order": (cue("a<00:00:02.000>b<00:00:01.500>c"), "line 4: `<00:00:01.500>` is not within its cue"),
    "too many cues": (file(*[f"{TIMES}\nx"] * (CUES_MAX + 1)), f"line {3 * CUES_MAX + 3}: there are more than {CUES_MAX} cues"),
    "a line that is too long as it is kept": (cue("&" * LINE_MAX), f"line 4: it has more than {LINE_MAX} characters"),
    "too many bytes": (HELLO + b"\n" * BYTES_MAX, f"it has more than {BYTES_MAX} bytes"),
    "more bytes as it is kept": (
        file(*["\n".join([TIMES, *["&" * (LINE_MAX // 5)] * 300])] * 2),
        f"it has more than {BYTES_MAX} bytes as it is kept",
    ),
}


@pytest.mark.parametrize(("data", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_and_why(data: bytes, said: str) -> None:
    with pytest.raises(Wrong) as error:
        kept(data)
    assert str(error.value).startswith(said)


PIECES = st.sampled_from(
    [
        *("WEBVTT", "\n", "\n\n", "\r\n", "\r", " ", "\t", "-->", "00:00:01.000", "00:02.000", "100:00:00.000", TIMES, f"\n\n{TIMES}\n"),
        *(
            "NOTE",
            "STYLE\n",
            "REGION",
            " align:start",
            " line:0",
            " region:a",
            "<b>",
            "</b>",
            "<v ",
            "<v Fred>",
            "</v>",
            ">",
            "<",
            "<c.a.b>",
        ),
        *(
            "</c>",
            "<lang de>",
            "</lang>",
            "<00:01.500>",
            "&",
            "&amp;",
            "&lt",
            "&#10;",
            "&#1;",
            "&#45;",
            "--&#45;",
            "&#32;",
            "&#xd800;",
            "-",
        ),
        *("&nbsp;", "&notit;", "x", "\ufeff", "\u2028", "\x85", "\0", "ü"),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=24).map("".join)


@given(
    st.one_of(
        st.binary(max_size=200),
        TEXTS.map(str.encode),
        TEXTS.map(lambda text: b"WEBVTT\n\n" + text.encode()),
        TEXTS.map(lambda text: cue(text)),
    )
)
def test_what_is_kept_stays_as_it_is(data: bytes) -> None:
    """Whatever comes: it is refused with a reason, or what is kept of it means the same when it is read again."""
    try:
        found = cues(data)
    except Wrong as error:
        assert str(error)
        return
    once = written(found)
    assert cues(once) == found
    assert written(cues(once)) == once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("de", "de"), ("DE-ch", "de-CH"), ("zh-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"), ("sl-ROZAJ-1A94", "sl-rozaj-1a94")),
        *(
            (text, None)
            for text in ("", "d", "german", "de_CH", "de-", "-de", "de-x-own", "../de", "de/ch", "dé", "de\n", "i-klingon", "de-CH-CH")
        ),
    ],
)
def test_languages(text: str, expected: str | None) -> None:
    assert language.tag(text) == expected
