"""Has notebooks run on an existing Dask cluster: the same jobs as on one machine, elsewhere.

Each worker process of the cluster keeps one warm process, whose children are locked in as here.
A notebook goes out, observations come back as text, and the verdict is made where the grading runs.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from autograder.course.grade import GradingProblem, key_hash
from autograder.data.key import Key, package_version
from autograder.data.limits import Limits
from autograder.data.observation import Observation
from autograder.running.conversation import Reply
from autograder.running.workshop import WarmProcessGone, Workshop

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_SECONDS = 20
AGAIN_SECONDS = 120.0  # that a scheduler which was lost, or a first worker, may take to come back
LOOK_SECONDS = 5.0
GOES_ON = "then run the same command again, which goes on where this stopped"


class Cluster:
    """Takes a workshop's place; use it in a `with`. Raises GradingProblem where it cannot be had.

    `workers` is how many notebooks it takes at a time: the threads of all its workers. A notebook
    whose worker or scheduler is lost is sent again; its row is written once, when its reply is in.
    """

    def __init__(
        self,
        address: str,
        limits: Limits | None = None,
        unsafe: bool = False,
        say: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.address, self.limits, self.unsafe = address, limits or Limits(), unsafe
        self.say = say
        self.missing: dict[str, str] = {}
        self.workers = 0
        self._client: Client | None = None
        self._keys: dict[str, Future] = {}
        self._turn = threading.RLock()
        self._stopped = False
        self._alone_since: float | None = None

    def __enter__(self) -> Cluster:
        """Connect, and see that every worker has this version of the autograder."""
        try:
            self._client = self._connected()
        except (OSError, ValueError, TypeError) as error:
            raise GradingProblem(
                f"no Dask scheduler answers at {self.address} ({type(error).__name__}): give the "
                "address that `dask scheduler` prints, such as tcp://host:8786"
            ) from None
        try:
            threads = self._client.nthreads()
            if not threads:
                raise GradingProblem(
                    f"the Dask cluster at {self.address} has no workers: start some with "
                    f"`dask worker {self.address}`"
                )
            self._check_versions(self._client)
        except BaseException:
            self._client.close()
            raise
        self.workers = sum(threads.values())
        return self

    def _connected(self) -> Client:
        from distributed import Client

        # What it writes of a lost scheduler is said here, in a sentence.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        return Client(self.address, timeout=CONNECT_SECONDS, set_as_default=False)

    def _check_versions(self, client: Client) -> None:
        for worker, found in client.run(_version, on_error="return").items():
            _check_version(worker, found)

    def __exit__(self, *problem: object) -> None:
        """Let the cluster go; it lives on."""
        self.stop()

    def stop(self) -> None:
        """Give up what is under way."""
        self._stopped = True
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def reply(self, raw: bytes, key: Key, timeout: float) -> Reply:
        """Have a worker run a notebook. Raises CannotIsolate, WarmProcessGone, GradingProblem."""
        from distributed.client import ClosedClientError

        while not self._stopped:
            client = self._client
            try:
                if client is not None:
                    return self._reply(client, raw, key, timeout)
            except (CancelledError, ClosedClientError, OSError):
                self._find_again(client)
        raise WarmProcessGone("the grading was ended")

    def _reply(self, client: Client, raw: bytes, key: Key, timeout: float) -> Reply:
        from distributed.scheduler import KilledWorker

        options = {"limits": asdict(self.limits), "unsafe": self.unsafe}
        key_there = self._scattered(client, key)
        job = client.submit(reply_on_worker, raw, key_there, timeout, options, pure=False)
        while True:
            try:
                version, worker, reply, missing, problem = job.result(timeout=LOOK_SECONDS)
                break
            except TimeoutError:
                self._see_that_somebody_works(client)
            except KilledWorker:
                raise WarmProcessGone(
                    "the cluster lost worker after worker on one notebook: see the workers' logs, "
                    + GOES_ON
                ) from None
        _check_version(worker, version)
        if problem:
            raise WarmProcessGone(
                f"the Dask worker {worker} cannot run notebooks ({problem}): mend that or end the "
                f"worker, {GOES_ON}"
            )
        self.missing.update(missing)
        return _reply_of(reply)

    def _see_that_somebody_works(self, client: Client) -> bool:
        """Whether there is a worker. Raises WarmProcessGone where there was none for long."""
        if client.nthreads():
            self._alone_since = None
            return True
        now = time.monotonic()
        self._alone_since = self._alone_since or now
        if now - self._alone_since > AGAIN_SECONDS:
            raise WarmProcessGone(
                f"the Dask cluster at {self.address} has had no worker for {AGAIN_SECONDS:g} s: "
                f"start some with `dask worker {self.address}`, {GOES_ON}"
            )
        return False

    def _find_again(self, lost: Client | None) -> None:
        """Connect anew, unless another thread has: the scheduler, or the way to it, was lost."""
        with self._turn:
            if self._stopped or self._client is not lost:
                return
            self._keys.clear()
            self.say(
                f"the Dask scheduler at {self.address} is lost: waiting up to {AGAIN_SECONDS:g} s "
                "for it"
            )
            if lost is not None:
                with contextlib.suppress(Exception):
                    lost.close(timeout=1)
            until = time.monotonic() + AGAIN_SECONDS
            while not self._stopped:
                try:
                    self._client = self._connected()
                    self.say("the Dask scheduler is there again: what had no reply is sent again")
                    return
                except (OSError, ValueError):
                    if time.monotonic() > until:
                        raise WarmProcessGone(
                            f"the Dask scheduler at {self.address} was lost and did not come back "
                            f"within {AGAIN_SECONDS:g} s: start it and its workers, {GOES_ON}"
                        ) from None
                time.sleep(0.5)

    def _scattered(self, client: Client, key: Key) -> Future:
        """The key as every worker has it; it is sent once to a cluster."""
        with self._turn:
            name = key_hash(key)
            while client is self._client and name not in self._keys:
                if not self._see_that_somebody_works(client):
                    time.sleep(0.5)
                    continue
                text = key.model_dump_json()
                self._keys[name] = client.scatter(text, broadcast=True, hash=False)
            if client is not self._client:
                raise CancelledError
            return self._keys[name]


def _check_version(worker: str, found: Any) -> None:
    """Raise GradingProblem where a worker has another version of the autograder."""
    wanted = package_version()
    if found != wanted:
        given = found if isinstance(found, str) else "none"
        raise GradingProblem(
            f"the Dask worker {worker} has autograder {given}, this is {wanted}: install "
            "this version in the workers' environment"
        )


# What runs on a worker

_workshops: dict[str, Workshop] = {}
_turn = threading.Lock()


def _version() -> str:
    return package_version()


def reply_on_worker(
    raw: bytes, key: str, timeout: float, options: dict[str, Any]
) -> tuple[str, str, str, dict[str, str], str]:
    """Run a notebook in a child of this worker: version, worker, reply, what the lock lacks.

    The last is what this machine lacks: raised here, it would look like a scheduler that is lost.
    """
    from distributed import get_worker

    worker = get_worker().address
    try:
        workshop = _workshop(options)
        reply = workshop.reply(raw, _key(key), timeout)
    except OSError as error:
        return _version(), worker, "", {}, f"{type(error).__name__}: {error.strerror or error}"
    observations = {name: seen.model_dump() for name, seen in reply.observations.items()}
    text = json.dumps({**vars(reply), "observations": observations})
    return _version(), worker, text, workshop.missing, ""


@lru_cache(maxsize=4)
def _key(text: str) -> Key:
    return Key.model_validate_json(text)


def _workshop(options: dict[str, Any]) -> Workshop:
    """This worker process's workshop, made at its first job; it ends with the process."""
    import atexit

    from distributed import get_worker

    name = json.dumps(options, sort_keys=True)
    with _turn:
        if name not in _workshops:
            limits, threads = Limits(**options["limits"]), get_worker().state.nthreads
            made = Workshop(limits=limits, workers=threads, unsafe=options["unsafe"]).__enter__()
            atexit.register(made.__exit__)
            _workshops[name] = made
        return _workshops[name]


def _reply_of(text: str) -> Reply:
    content = json.loads(text)
    seen = {name: Observation.model_validate(o) for name, o in content["observations"].items()}
    return Reply(**{**content, "observations": seen})
