"""Runs a suite's checks one after another and reports as package suite, beside this folder, wants it."""

import os
import signal
import time
import traceback
import uuid

BROKER = os.environ["MOLDAU_BROKER"]
KAFKA = os.environ.get("MOLDAU_SYSTEM") == "kafka"

# A check that takes longer is interrupted; one that cannot even be interrupted
# ends the suite a little later, and everything not yet run has failed.
LIMIT_SECONDS = 60
GRACE_SECONDS = 10


class TooLong(Exception):
    pass


class Suite:
    def __init__(self):
        self.checks = []
        self.passed, self.failed = 0, 0
        self.late = False

    def check(self, name, function, *args):
        self.checks.append((name, lambda: function(*args)))

    def run(self, only=""):
        """Runs the checks whose name holds `only` and ends the process."""
        signal.signal(signal.SIGALRM, self._too_long)
        self.checks = [c for c in self.checks if only in c[0]]
        for name, function in self.checks:
            self._try(name, function)
        self._end()

    def _try(self, name, function):
        self.late, start = False, time.monotonic()
        signal.alarm(LIMIT_SECONDS)
        try:
            function()
        except Exception as e:  # whatever a client raises is a verdict, not an end
            signal.alarm(0)
            self._failed(name, "".join(traceback.format_exception(e)))
        else:
            signal.alarm(0)
            self.passed += 1
            print(f"TEST passed {name}\t{time.monotonic() - start:.1f} s", flush=True)

    def _failed(self, name, reason):
        self.failed += 1
        # Indented, so that no line of an error is taken for one of the contract's.
        print("    " + reason.strip()[-4000:].replace("\n", "\n    "))
        print(f"TEST failed {name}", flush=True)

    def _end(self):
        print(f"SUITE passed {self.passed} failed {self.failed} pinned 0", flush=True)
        # Clients that a failure left behind may hold threads that never end.
        os._exit(1 if self.failed or not self.passed else 0)

    def _too_long(self, *_):
        if not self.late:
            self.late = True
            signal.alarm(GRACE_SECONDS)
            raise TooLong(f"not done after {LIMIT_SECONDS} s")
        for name, _ in self.checks[self.passed + self.failed:]:
            self._failed(name, "a check hangs in its client")
        self._end()


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def now_ms():
    """Time stamps of records are of today: retention soon takes older ones away."""
    return time.time_ns() // 1_000_000


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: got {got!r:.300}, want {want!r:.300}")


def settles(function, want, what):
    """Equal at once, but for a real Kafka: it answers before its broker has heard of a change to metadata."""
    deadline = time.monotonic() + (5 if KAFKA else 0)
    while True:
        try:
            return equal(function(), want, what)
        except Exception:
            if time.monotonic() >= deadline:
                raise
        time.sleep(0.02)


def refused(adapter, code, what, function, *args):
    """The call must fail with just this error code of Kafka's."""
    try:
        function(*args)
    except Exception as e:
        got = adapter.code(e)
        if got is None:
            raise
        equal(got, code, f"error code of {what}")
        return
    raise AssertionError(f"{what} is not refused, want error {code}")
