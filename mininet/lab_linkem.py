"""A link by linkem: a tap device in each host and a process between them, see docs/linkem.md."""

import json
import os
import signal
import subprocess
import threading

from mininet.link import Link

import lab_namespaces
from lab_errors import BUILD_LINKEM, LabError

PROGRAM = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "build", "linkem")
STOP_SECONDS = 5.0
WORDS = {"aToB": "a>b", "bToA": "b>a"}


def percent(value):
    return f"{value:.9g}%"


def loss_words(settings):
    burst = settings.get("burstLoss")
    if burst:
        chances = (burst["p"], burst["r"], burst.get("inBad", 100), burst.get("inGood", 0))
        return f"loss gilbert {' '.join(percent(each) for each in chances)}"
    return f"loss {percent(settings['loss'])}" if "loss" in settings else "loss none"


def queue_words(settings):
    if "queueBytes" in settings:
        return f"queue {settings['queueBytes']}b"
    return f"queue {settings['queue']}p" if "queue" in settings else "queue none"


def rate_words(settings):
    # The name of a trace takes the rest of its line.
    if "trace" in settings:
        return f"trace {settings['trace']}"
    return f"rate {settings['rate'] * 1e6:.0f}bit" if "rate" in settings else "rate none"


SAYINGS = (
    (("delay",), lambda settings: f"delay {settings.get('delay', 0):.9g}ms"),
    (("jitter", "jitterModel"),
     lambda settings: f"jitter {settings.get('jitter', 0):.9g}ms {settings.get('jitterModel', 'uniform')}"),
    (("loss", "burstLoss"), loss_words),
    (("queue", "queueBytes"), queue_words),
    (("rate", "trace"), rate_words),
)


def line(direction, settings, keys):
    """The control line for those settings of one direction that keys name."""
    said = [say(settings) for names, say in SAYINGS if any(name in keys for name in names)]
    return " ".join([WORDS[direction], *said])


class Linkem:
    """One running link emulator."""

    name = "linkem"

    def __init__(self, name, arguments, started, on_death):
        self.link_name = name
        self.lock = threading.Lock()
        if not os.access(PROGRAM, os.X_OK):
            raise LabError(f"there is no {PROGRAM}: {BUILD_LINKEM}")
        # Its input is a pipe that nobody else holds: when this process ends, however, so does the emulator.
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [PROGRAM, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, lab_namespaces.OWNER_VARIABLE: lab_namespaces.own_mark()},
            # A terminal's Ctrl-C is for lab.py, which ends its links in order.
            start_new_session=True,
        )
        self.stopping = False
        started.append(self)
        self.read_answer()
        threading.Thread(target=self.watch, args=(on_death,), daemon=True).start()

    def read_answer(self):
        text = self.process.stdout.readline()
        if not text:
            self.process.wait()
            said = " ".join(self.process.stderr.read().split())
            raise LabError(f"link {self.link_name}: {said or self.how_it_ended()}")
        answer = json.loads(text)
        if not answer["ok"]:
            raise LabError(answer["error"]["message"])
        return answer

    def how_it_ended(self):
        code = self.process.returncode
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"its emulator ended ({how})"

    def watch(self, on_death):
        """A link that is gone makes every figure after it wrong."""
        self.process.wait()
        if not self.stopping:
            on_death(f"link {self.link_name}: {self.how_it_ended()}")

    def command(self, text):
        with self.lock:
            try:
                self.process.stdin.write(f"{text}\n")
                self.process.stdin.flush()
            except OSError as error:
                raise LabError(f"link {self.link_name}: the emulator is gone") from error
            return self.read_answer()

    def apply(self, direction, _before, after, keys):
        self.command(line(direction, after, keys))

    def set_down(self, down):
        """Takes the carrier from both ends, and drops what is on its way, as pulling a cable does."""
        self.command("down" if down else "up")

    def stats(self):
        told = self.command("stats")["stats"]
        return {direction: counters(told[word]) for direction, word in WORDS.items()}

    def stop(self):
        self.stopping = True
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def counters(told):
    dropped = sum(each["packets"] for each in told["dropped"].values())
    return {
        "delivered": told["delivered"],
        "dropped": dropped + (told["deviceDropped"] or 0),
        "waiting": told["queue"],
        "details": told,
    }


class LinkemLink(Link):
    """Mininet's link with the emulator's taps in place of a veth pair."""

    def __init__(self, node1, node2, start=None, **options):
        self.start = start
        self.emulator = None
        super().__init__(node1, node2, **options)

    def makeIntfPair(self, intfname1, intfname2, addr1=None, addr2=None,  # pylint: disable=arguments-differ
                     node1=None, node2=None, deleteIntfs=True):
        ends = ["--a-netns", str(node1.pid), "--a-name", intfname1, "--b-netns", str(node2.pid), "--b-name", intfname2]
        for side, address in (("a", addr1), ("b", addr2)):
            ends += [f"--{side}-mac", address] if address else []
        self.emulator = self.start(ends)


def starting(directions):
    """Arguments for the settings that a link begins with."""
    return [word for name, settings in directions.items()
            for word in ("--set", line(name, settings, tuple(key for names, _ in SAYINGS for key in names)))]
