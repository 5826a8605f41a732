"""Work in a Python process, for test/conformance/python.test.ts. Its first argument says what it does in its block."""

import os
import sys
import time

import lastbeat


def say(*words):
    """One write for each line: the agent's own lines come from another thread."""
    os.write(1, (" ".join(str(word) for word in words) + "\n").encode())


def work(attempt, what, *more):
    say("works", os.getpid(), attempt.run, attempt.number, attempt.fence)
    if what == "exit":
        sys.exit(int(more[0]))
    if what == "raise":
        raise ValueError("the input is no number")
    if what == "sleep":
        time.sleep(float(more[0]))
    if what == "heed":
        attempt.stopping.wait()
        attempt.check()
    while what == "deaf":
        time.sleep(0.05)


with lastbeat.Attempt(handle_signals=True) as the_attempt:
    work(the_attempt, *sys.argv[1:])
say("is over")
