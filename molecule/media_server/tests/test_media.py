"""What is served from a host without ECS: a video goes in, is made ready, and its key goes to whom may have it."""

from __future__ import annotations

import re
import ssl
import uuid
from pathlib import Path

import httpx
import pytest
from hands import until
from media import URL, ask, backend, processes, session, status, trusting

from tests.media.videos import made

CELL = "65533"


def uploaded(path: Path) -> str:
    """Send a video as a browser does, and return its asset."""
    data = path.read_bytes()
    told = ask("POST", "/assets", backend(), json={"title": "A lesson", "length": len(data)}).json()
    headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    assert ask("PATCH", f"/uploads/{told['id']}", told["upload_token"], content=data, headers=headers).status_code == 204
    return str(told["id"])


def state(asset: str) -> str:
    return str(ask("GET", f"/assets/{asset}", backend()).json()["state"])


@pytest.fixture(scope="module")
def asset(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A video that was uploaded, and is ready."""
    found = uploaded(made(tmp_path_factory.mktemp("video") / "video.mp4", "-g", "25", seconds=4))
    assert until(lambda: state(found) == "ready")
    return found


def test_a_key_is_for_a_session_and_for_nobody_else(asset: str) -> None:
    where = f"/keys/acme/{asset}/aes128/180p/0"
    given = ask("GET", where, session(asset))
    assert (given.status_code, len(given.content)) == (200, 16)
    for stranger in ("", "a.b.c", session(str(uuid.uuid4())), session(asset, "bloom"), backend()):
        refused = ask("GET", where, stranger)
        assert refused.status_code == 403
        assert given.content not in refused.content


def test_a_segment_is_for_a_session_and_is_ciphertext(asset: str) -> None:
    path = next(one for one in ask("GET", "/hashes", session(asset)).json()["objects"] if one.endswith(".ts"))
    where = f"/v/acme/{asset}/{path}"
    given = ask("GET", where, session(asset))
    assert given.status_code == 200
    assert given.content[:1] != b"\x47"  # what a packet of MPEG-TS begins with (ISO/IEC 13818-1, 2.4.3.2)
    assert ask("GET", where).status_code == 403


def test_it_has_pages_of_its_own() -> None:
    page = ask("GET", "/")
    assert page.status_code == 200 and "<title>" in page.text
    scripts = re.findall(r'src="(/[^"]+\.js)"', page.text)
    assert scripts and all(ask("GET", each).status_code == 200 for each in scripts)


def test_nothing_is_answered_without_tls_and_no_older_tls() -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(URL.replace("https", "http") + "/healthz")
    context = trusting()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{URL}/healthz", verify=context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert httpx.get(f"{URL}/healthz", verify=context).status_code == 200


def test_whoever_trusts_another_authority_does_not_trust_it() -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{URL}/healthz", verify=trusting("stranger"))


def test_a_cell_is_another_user_and_may_nothing(tmp_path: Path) -> None:
    """Seen while one works: of many segments, so that it does for some seconds."""
    made_of = uploaded(made(tmp_path / "long.mp4", "-g", "50", "-preset", "ultrafast", seconds=180))

    def cell() -> dict[str, str]:
        found = [status(pid) for pid in processes("media-worker")]
        return next(one for one in found if one["Uid"].split() == [CELL] * 4)

    found = until(cell)
    assert found["Gid"].split() == [CELL] * 4
    assert found["Groups"] == ""
    assert {int(found[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    # and it is ended by who began it
    assert until(lambda: state(made_of) == "ready")
    until(lambda: len(processes("media-worker")) == 1)
