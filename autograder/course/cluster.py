"""Has notebooks run on an existing Dask cluster: the same jobs as on one machine, elsewhere.

Each worker process of the cluster keeps one warm process, whose children are locked in as here.
A notebook goes out, observations come back as text, and the verdict is made where the grading runs.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from autograder.course.grade import GradingProblem, key_hash
from autograder.data.key import Key, package_version
from autograder.data.limits import Limits
from autograder.data.observation import Observation
from autograder.running.runner import Reply, WarmProcessGone, Workshop

if TYPE_CHECKING:
    from distributed import Future

CONNECT_SECONDS = 20


class Cluster:
    """Takes a workshop's place; use it in a `with`. Raises GradingProblem where it cannot be had.

    `workers` is how many notebooks it takes at a time: the threads of all its workers.
    """

    def __init__(self, address: str, limits: Limits | None = None, unsafe: bool = False) -> None:
        self.address, self.limits, self.unsafe = address, limits or Limits(), unsafe
        self.missing: dict[str, str] = {}
        self.workers = 0
        self._keys: dict[str, Future] = {}
        self._turn = threading.Lock()

    def __enter__(self) -> Cluster:
        """Connect, and see that every worker has this version of the autograder."""
        from distributed import Client

        try:
            self._client = Client(self.address, timeout=CONNECT_SECONDS, set_as_default=False)
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
            self._check_versions()
        except BaseException:
            self._client.close()
            raise
        self.workers = sum(threads.values())
        return self

    def _check_versions(self) -> None:
        wanted = package_version()
        for worker, found in self._client.run(_version, on_error="return").items():
            if found != wanted:
                given = found if isinstance(found, str) else "none"
                raise GradingProblem(
                    f"the Dask worker {worker} has autograder {given}, this is {wanted}: install "
                    "this version in the workers' environment"
                )

    def __exit__(self, *problem: object) -> None:
        """Let the cluster go; it lives on."""
        self._client.close()

    def stop(self) -> None:
        """Give up what is under way."""
        self._client.close()

    def reply(self, raw: bytes, key: Key, timeout: float) -> Reply:
        """Have a worker run a notebook. Raises CannotIsolate, and WarmProcessGone."""
        from distributed.scheduler import KilledWorker

        options = {"limits": asdict(self.limits), "unsafe": self.unsafe}
        try:
            job = self._client.submit(
                reply_on_worker, raw, self._scattered(key), timeout, options, pure=False
            )
            reply, missing = job.result()
        except KilledWorker:
            raise WarmProcessGone(
                "the cluster lost worker after worker on one notebook: see the workers' logs, "
                "then run the same command again, which goes on where this stopped"
            ) from None
        self.missing.update(missing)
        return _reply_of(reply)

    def _scattered(self, key: Key) -> Future:
        """The key as every worker has it; it is sent once."""
        with self._turn:
            name = key_hash(key)
            if name not in self._keys:
                text = key.model_dump_json()
                self._keys[name] = self._client.scatter(text, broadcast=True, hash=False)
            return self._keys[name]


# What runs on a worker

_workshops: dict[str, Workshop] = {}
_turn = threading.Lock()


def _version() -> str:
    return package_version()


def reply_on_worker(
    raw: bytes, key: str, timeout: float, options: dict[str, Any]
) -> tuple[str, dict[str, str]]:
    """Run a notebook in a child of this worker: its reply, and what the lock lacks."""
    workshop = _workshop(options)
    reply = workshop.reply(raw, _key(key), timeout)
    observations = {name: seen.model_dump() for name, seen in reply.observations.items()}
    return json.dumps({**vars(reply), "observations": observations}), workshop.missing


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
