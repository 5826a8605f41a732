"""The small parts: what is kept on disk, what is said, what an end means."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any, List, Optional

import pytest
from door import FINISHED, Asked, Door, Reply, problem, replies, ticket_of
from processes import until
from vectors import FOLDER

import lastbeat
from lastbeat import Forked, Progress, Report, Stop
from lastbeat.driver import Left
from lastbeat.ending import Ending, ending_of, error_of, refusal_of
from lastbeat.folder import on_disk, state_folder
from lastbeat.heart.words import ChildEnd
from lastbeat.holder import holder_of, instance_id, is_on_ec2, pod_uid
from lastbeat.instance_metadata import Poll
from lastbeat.log import Log, to_logging, to_stderr
from lastbeat.progress import progress_of
from lastbeat.reports import Keeper, Kept, deliver_leftovers, read_kept
from lastbeat.wire import cut, cut_start
from lastbeat.wording import in_this_process

# What is kept on disk


def _nobody(line: str) -> None:
    raise AssertionError(line)


def test_a_report_is_kept_whole_for_its_owner_alone_and_forgotten(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, "an-id", "https://a,https://b", "a-run", _nobody)
    keeper.keep("a-token", Report("failed", exit_code=3), 2)
    (file,) = tmp_path.iterdir()
    assert file.name == "an-id.report.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text()) == {
        "url": "https://a,https://b",
        "run": "a-run",
        "token": "a-token",
        "report": {"outcome": "failed", "exitCode": 3},
    }
    keeper.forget()
    keeper.forget()
    assert list(tmp_path.iterdir()) == []
    Keeper(None, "an-id", "https://a", "a-run", _nobody).keep("a-token", Report("failed"), 2)


def test_a_disk_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    said: List[str] = []
    Keeper(tmp_path / "nothing", "an-id", "https://a", "a-run", said.append).keep("a-token", Report("failed"), 2)
    assert said[0].startswith("the report is not kept on disk: ")


def test_a_disk_that_does_not_answer_is_not_waited_for() -> None:
    released = threading.Event()
    started = time.monotonic()
    with pytest.raises(OSError, match="the disk does not answer"):
        on_disk(released.wait, 0.1)
    assert time.monotonic() - started < 30  # the disk never answers
    released.set()


def test_the_folder_is_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("lastbeat.folder._SHARED_MEMORY", "/proc/nothing")
    folder = tmp_path / f"lastbeat-{os.getuid()}"
    assert state_folder(None, _nobody) == folder
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []
    folder.chmod(0o777)
    said: List[str] = []
    assert state_folder(None, said.append) is None
    assert "is not ours alone" in said[0]
    assert state_folder(folder, _nobody) == folder  # a chosen one is taken as it is
    (tmp_path / "file").write_text("")
    assert state_folder(tmp_path / "file", said.append) is None
    assert "cannot be used, so no report is kept there" in said[1]


@pytest.fixture
def leftover(tmp_path: Path, door: Door) -> Path:
    """A report that an earlier agent has left."""
    door.answer = replies()
    file = tmp_path / "earlier.report.json"
    file.write_text(Kept(f"https://other, {door.url}", "a-run", ticket_of(), Report("failed", exit_code=3)).to_json())
    return file


def _deliver(folder: Path, door: Door, is_over: bool = False) -> List[str]:
    over = threading.Event()
    if is_over:
        over.set()
    said: List[str] = []
    deliver_leftovers(folder, [door.url], None, over, said.append)
    return said


def test_a_leftover_is_delivered_to_our_front_doors_alone(leftover: Path, door: Door) -> None:
    assert _deliver(leftover.parent, door) == []
    assert not leftover.exists()
    assert [one.body for one in door.asked] == [{"outcome": "failed", "exitCode": 3}]


def test_a_leftover_of_another_front_door_stays(leftover: Path, door: Door) -> None:
    leftover.write_text(Kept("https://other", "a-run", ticket_of(), Report("failed")).to_json())
    _deliver(leftover.parent, door)
    assert leftover.exists()
    assert door.asked == []


@pytest.mark.parametrize(
    ("reply", "stays"),
    [
        (FINISHED, False),
        (problem("superseded", 409), False),
        (problem("unauthorized", 401), True),
        ((503, {}), True),
    ],
)
def test_a_leftover_stays_until_it_is_answered(leftover: Path, door: Door, reply: Reply, stays: bool) -> None:
    door.answer = replies(finish=reply)
    _deliver(leftover.parent, door)
    assert leftover.exists() == stays


def test_a_leftover_that_is_none_is_removed_and_one_of_strangers_is_left_alone(
    leftover: Path, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    leftover.write_text('{"url": "x"}')
    assert "is not a report of ours" in _deliver(leftover.parent, door)[0]
    assert not leftover.exists()
    leftover.write_text("x" * 70_000)
    _deliver(leftover.parent, door)
    assert leftover.exists()  # larger than any of ours
    leftover.write_text('{"url": "x"}')
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    _deliver(leftover.parent, door)
    assert leftover.exists()
    assert door.asked == []


def test_a_leftover_of_last_year_is_removed_and_none_is_looked_for_when_all_is_over(leftover: Path, door: Door) -> None:
    _deliver(leftover.parent, door, is_over=True)
    assert leftover.exists()
    os.utime(leftover, (0, 0))
    _deliver(leftover.parent, door)
    assert not leftover.exists()
    assert door.asked == []


def test_twenty_leftovers_are_delivered_the_newest_first(leftover: Path, door: Door) -> None:
    for index in range(25):
        file = leftover.with_name(f"{index}.report.json")
        token = ticket_of(f"run-{index}")
        file.write_text(Kept(door.url, f"run-{index}", token, Report("failed")).to_json())
        os.utime(file, (time.time(), time.time() - 1000 + index))
    leftover.unlink()
    _deliver(leftover.parent, door)
    assert [one.path.split("/")[3] for one in door.asked] == [f"run-{index}" for index in range(24, 4, -1)]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"report": 5}', json.dumps({"url": 5, "run": "a-run", "token": "x", "report": {}})]
)
def test_what_is_no_report_is_not_read(text: str) -> None:
    assert read_kept(text) is None


def test_every_field_of_a_report_is_read_as_it_was_kept() -> None:
    report = Report("failed", "out-of-memory", 137, "SIGKILL", "words", 536_870_912)
    assert None not in vars(report).values()
    kept = Kept("https://a", "a-run", ticket_of(), report)
    assert read_kept(kept.to_json()) == kept


def test_a_read_only_root_leaves_the_shared_memory_or_nothing_and_ends_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError("no usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", nowhere)
    monkeypatch.setenv("TMPDIR", "/proc/nothing")
    monkeypatch.setattr("lastbeat.folder._SHARED_MEMORY", str(tmp_path), raising=False)
    assert state_folder(None, _nobody) == tmp_path / f"lastbeat-{os.getuid()}"
    monkeypatch.setattr("lastbeat.folder._SHARED_MEMORY", "/proc/nothing")
    said: List[str] = []
    assert state_folder(None, said.append) is None
    assert said[0].startswith(f"/proc/nothing/lastbeat-{os.getuid()} cannot be used")


def test_a_report_for_another_run_than_its_token_is_not_read() -> None:
    kept = Kept("https://a", "a-run", ticket_of(), Report("interrupted", "drain", None, "SIGTERM", "words"))
    assert read_kept(kept.to_json()) == kept
    assert read_kept(Kept("https://a", "another", ticket_of(), Report("failed")).to_json()) is None


# What is said


def test_a_line_is_one_line_and_a_log_that_fails_ends_nobody() -> None:
    said: List[str] = []

    def sink(line: str) -> None:
        said.append(line)
        if len(said) == 1:
            raise OSError("the disk is full")

    log = Log(sink)
    log.say("one")
    log.say("two\nthree\x1b[2J")
    log.close(5)
    assert said == ["one", "two\N{REPLACEMENT CHARACTER}three\N{REPLACEMENT CHARACTER}[2J"]


def test_lines_that_nobody_reads_are_counted_and_nobody_waits() -> None:
    said: List[str] = []
    reads = threading.Event()

    def sink(line: str) -> None:
        reads.wait()
        said.append(line)

    log = Log(sink)
    for index in range(300):
        log.say(f"line {index}")
    started = time.monotonic()
    log.close(0.1)
    assert time.monotonic() - started < 30  # nobody ever reads
    reads.set()
    until(lambda: len(said) > 255)
    left_out = [line for line in said if "lines were left out" in line]
    assert left_out == [f"{300 - len(said) + 1} lines were left out: nobody read them in time"]


def test_lines_go_to_stderr_as_those_of_the_other_agents(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    to_stderr("one \udc80")
    monkeypatch.setenv("LASTBEAT_LOG", "json")
    to_stderr("two")
    monkeypatch.setenv("LASTBEAT_QUIET", "1")
    to_stderr("three")
    first, second = capfd.readouterr().err.splitlines()
    assert first == "lastbeat: one ?"
    assert json.loads(second)["message"] == "two"


def test_lines_are_warnings_of_a_logger(caplog: pytest.LogCaptureFixture) -> None:
    to_logging("100 % sure")
    assert caplog.record_tuples == [("lastbeat", logging.WARNING, "100 % sure")]


def test_no_line_speaks_of_a_command_where_there_is_none() -> None:
    lines = set()
    for file in FOLDER.glob("*.jsonl"):
        for text in file.read_text().splitlines():
            for one in json.loads(text)["steps"]:
                lines |= {action["line"] for action in one["actions"] if action["do"] == "say"}
    assert len(lines) > 50
    for line in lines:
        # Work in this process is started already, and does not outlive a kill for want of memory.
        if "could not be started" not in line and "ran out of memory" not in line:
            said = in_this_process(line)
            assert "command" not in said, line
            assert "SIGKILL" not in said


# What an end means


@pytest.mark.parametrize(
    ("error", "was_told", "end"),
    [
        (None, False, ChildEnd(0, 0)),
        (SystemExit(), False, ChildEnd(0, 0)),
        (SystemExit(-1), False, ChildEnd(255, 255)),
        (Stop(82, "drain"), True, ChildEnd(143, signal="SIGTERM")),
        (KeyboardInterrupt(), True, ChildEnd(143, signal="SIGTERM")),
        (KeyboardInterrupt(), False, ChildEnd(130, signal="SIGINT")),
        (ValueError(), False, ChildEnd(1)),
        (asyncio.CancelledError(), False, ChildEnd(1)),
    ],
)
def test_the_end_of_a_block_is_that_of_a_command(error: Optional[BaseException], was_told: bool, end: ChildEnd) -> None:
    assert ending_of(error, was_told=was_told).end == end


def test_a_ctrl_c_is_a_signal_that_the_heart_hears_of_first() -> None:
    assert ending_of(KeyboardInterrupt(), was_told=False) == Ending(ChildEnd(130, signal="SIGINT"), None, ("SIGINT", 2))


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_a_failure_says_its_last_lines_whatever_they_are() -> None:
    message = ending_of(ValueError("\udc80 \N{GRINNING FACE}" * 2000), was_told=False).message
    assert message is not None
    assert 4000 < len(json.dumps(message, ensure_ascii=False).encode()) <= 4096 + 2
    assert message.endswith("? \N{GRINNING FACE}")
    unprintable = ending_of(Unprintable(), was_told=False).message
    assert unprintable is not None
    assert "Unprintable" in unprintable


@pytest.mark.parametrize(
    ("left", "kind"),
    [
        (Left(81, "not started: superseded", problem="superseded"), lastbeat.Superseded),
        (Left(81, "not started: held-by-another", problem="held-by-another"), lastbeat.NotOurs),
        (Left(81, "not started: ended", problem="ended"), lastbeat.Ended),
        (Left(81, "not started: overran", problem="overran"), lastbeat.Overran),
        (Left(125, "the claim was refused: unauthorized, ", problem="unauthorized"), lastbeat.NotStarted),
        (Left(125, "no front door has answered"), lastbeat.NoAnswer),
        (Left(143, "SIGTERM before the attempt was claimed"), Stop),
        (Left(143, None, Report("interrupted", "sigterm")), Stop),
        (Left(82, None, Report("interrupted", "drained before the start")), lastbeat.NotStarted),
    ],
)
def test_a_claim_that_came_to_nothing_says_why(left: Left, kind: type) -> None:
    error = refusal_of(left)
    assert type(error) is kind
    assert (left.why or (left.report and left.report.reason) or "") in str(error)


@pytest.mark.parametrize(
    ("left", "kind"),
    [
        (Left(81, None, Report("succeeded")), lastbeat.Superseded),
        (Left(81, "stopped: superseded", None, "superseded"), lastbeat.Superseded),
        (Left(81, "the end came too late: ended", Report("succeeded"), "ended"), lastbeat.Ended),
        (Left(125, "the end could not be reported: away", Report("succeeded")), lastbeat.NotReported),
        (Left(125, "the end was refused: malformed, ", Report("succeeded"), "malformed"), lastbeat.NotReported),
    ],
)
def test_a_success_that_is_not_one_is_an_error(left: Left, kind: type) -> None:
    assert type(error_of(left)) is kind


# What is told of progress and of the holder


class Scalar:
    """A number of another library."""

    def __float__(self) -> float:
        return 2.5


class Array(Scalar):
    """A number in an array of no dimension, as of torch: it has `__index__`, and refuses."""

    def __index__(self) -> int:
        raise TypeError("only integer tensors can be converted to an index")


def test_progress_is_any_number_that_can_be_stored() -> None:
    assert progress_of(3, 10, "epoch 3", _nobody) == Progress(3, 10, "epoch 3")
    assert progress_of(Scalar(), None, None, _nobody) == Progress(2.5)
    assert progress_of(Array(), None, None, _nobody) == Progress(2.5)
    true = progress_of(True, None, None, _nobody)
    assert true is not None
    assert true.value is not True
    assert true.value == 1
    assert progress_of(0, None, "\N{GRINNING FACE}" * 100, _nobody) == Progress(0, None, "\N{GRINNING FACE}" * 32)
    said: List[str] = []
    for value in (float("nan"), float("inf"), 1e126, 1e-131, 10**400, 10**5000):
        assert progress_of(value, None, None, said.append) is None
    assert progress_of(1, float("inf"), None, said.append) is None
    assert len(said) == 7
    wrong: List[Any] = ["3", b"3", None]
    for value in wrong:
        with pytest.raises(TypeError, match="value is a number, not"):
            progress_of(value, None, None, _nobody)
    with pytest.raises(TypeError, match="note is a text"):
        progress_of(1, None, wrong[1], _nobody)


def test_a_text_is_cut_between_characters() -> None:
    assert cut("abc", 3) == "abc"
    assert cut('a"c', 3) == 'a"'
    assert cut("a\nb", 2) == "a"
    assert cut_start("abc", 2) == "bc"
    assert cut_start("\N{GRINNING FACE}bc", 5) == "bc"
    assert cut_start("abc", 9) == "abc"


def test_a_holder_has_a_fresh_id_and_the_facts_of_its_place(tmp_path: Path) -> None:
    pod = {"POD_NAME": "train-0", "POD_NAMESPACE": "x" * 300, "NODE_NAME": ""}
    one, other = (holder_of("i-0abc", pod, _nobody) for _ in range(2))
    assert len(one["id"]) == 32
    assert one["id"] != other["id"]
    assert {**one, "id": ""} == {"id": "", "host": "i-0abc", "pod": "train-0", "namespace": "x" * 256}
    assert holder_of("i-0abc", {"POD_UID": "a-uid"}, _nobody)["podUid"] == "a-uid"
    mounts = tmp_path / "mountinfo"
    uid = "7b2c9a8e-1f3d-4c5b-9e6f-0a1b2c3d4e5f"
    mounts.write_text(f"1 2 0:1 / / rw - overlay\n3 2 8:1 /var/lib/kubelet/pods/{uid}/etc-hosts /etc/hosts rw - ext4\n")
    assert pod_uid(mounts) == uid
    mounts.write_text("3 2 8:1 /pods/not-a-uid/etc-hosts /etc/hosts rw - ext4\n")
    assert pod_uid(mounts) is None
    assert pod_uid(tmp_path / "nothing") is None
    said: List[str] = []
    assert "host" not in holder_of("not a host", {}, said.append)
    assert "set LASTBEAT_HOST" in said[0]
    assert not is_on_ec2(tmp_path)
    assert instance_id(tmp_path) is None
    (tmp_path / "sys_vendor").write_text("Amazon EC2\n")
    (tmp_path / "board_asset_tag").write_text("i-0123abc\n")
    assert is_on_ec2(tmp_path)
    assert instance_id(tmp_path) == "i-0123abc"


def test_the_metadata_are_asked_with_a_token_that_is_renewed_and_each_kind_is_announced_once(door: Door) -> None:
    tokens: List[str] = []

    def answer(asked: Asked) -> Reply:
        if asked.method == "PUT":
            tokens.append(f"token-{len(tokens)}")
            return 200, tokens[-1].encode()
        if asked.headers["x-aws-ec2-metadata-token"] != "token-1":
            return 401, b""
        if asked.path.endswith("rebalance"):
            return 200, {"noticeTime": "2026-11-22T12:00:00Z"}
        return 200, {"action": "stop", "time": "2026-11-22T12:02:00Z"}

    door.answer = answer
    over = threading.Event()
    heard: List[Any] = []
    poll = Poll(door.url, heard.append, _nobody, over, every=0.01)
    thread = threading.Thread(target=poll.run)
    thread.start()
    until(lambda: len(door.asked) > 10)
    over.set()
    thread.join()
    assert [(one.notice, one.at, one.deadline) for one in heard] == [
        ("spot", None, "2026-11-22T12:02:00.000Z"),
        ("rebalance", "2026-11-22T12:00:00.000Z", None),
    ]


def test_metadata_that_say_nothing_are_given_up_and_garbage_is_no_notice(door: Door) -> None:
    said: List[str] = []
    Poll("http://127.0.0.1:1", _nobody, said.append, threading.Event(), every=0.01, patience=0.05).run()  # type: ignore[arg-type]
    assert said == [
        "the instance metadata at http://127.0.0.1:1 do not answer: a spot notice comes with the beats alone"
    ]
    door.answer = lambda asked: (200, b"a-token") if asked.method == "PUT" else (200, b'{"time": "soon"}')
    over = threading.Event()
    heard: List[Any] = []
    poll = Poll(door.url, heard.append, _nobody, over, every=0.01)
    thread = threading.Thread(target=poll.run)
    thread.start()
    until(lambda: len(door.asked) > 4)
    over.set()
    thread.join()
    assert [one.notice for one in heard] == ["rebalance"]


def test_an_error_of_a_fork_says_what_to_do() -> None:
    assert issubclass(Forked, RuntimeError)
    assert issubclass(lastbeat.NotLastbeats, ValueError)
    assert not issubclass(Stop, Exception)
    assert str(Stop(82, "a drain")) == "a drain"
