"""A Ray to work on: one that is begun on this machine for the run, or a cluster that is there."""

from __future__ import annotations

import logging
import math
import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rag_pipeline.config import EngineSettings
from rag_pipeline.errors import ServiceError, UsageError
from rag_pipeline.text import one_line

if TYPE_CHECKING:
    from types import ModuleType

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 30.0
# Reading needs a core besides those of the models.
READING_CPUS = 1
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Its core writes to standard error, past Python; what matters comes as an exception too.
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    # A run under `uv run` would else have every worker build an environment of its own.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}
# Ray asks for no password: one that is for this machine alone must listen to this machine alone.
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


def import_ray(settings: EngineSettings) -> ModuleType:
    """Ray, if it is installed; it looks at its environment when it is imported, and again when it begins.

    Raises:
        UsageError: it is not installed.
    """
    try:
        with _environment(_variables(settings)), _without_warnings():
            import ray
            import ray.data
    except ModuleNotFoundError as error:
        raise UsageError(
            f"engine ray needs the package {error.name}: pip install 'rag-pipeline[ray]', or use --engine local"
        ) from None
    module: ModuleType = ray
    return module


@contextmanager
def connected(settings: EngineSettings) -> Iterator[int]:
    """A Ray while the context lasts; the caller's own, if it has begun one, which then stays.

    Yields:
        how many of the workers fit in at the start.

    Raises:
        ServiceError: the address does not answer.
        UsageError: it is no address, or not one worker fits in.
    """
    ray = import_ray(settings)
    own = not ray.is_initialized()
    with _without_warnings(), _quiet(ray):
        if own:
            _begin(ray, settings)
        try:
            yield _workers_that_fit(ray, settings)
        finally:
            if own:
                ray.shutdown()


def _begin(ray: Any, settings: EngineSettings) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
    try:
        with _environment(_variables(settings)), _mute():
            if settings.address is not None:
                _check_address(settings.address)
                ray.init(settings.address, **options)
                return
            needed = math.ceil(settings.workers * settings.cpus_per_worker) + READING_CPUS
            # "local", as else the environment's RAY_ADDRESS would be taken for the user's wish.
            with _loopback_only():
                ray.init("local", include_dashboard=False, num_cpus=max(os.cpu_count() or 1, needed), **options)
    except (ServiceError, UsageError):
        raise
    except Exception as error:
        said = one_line(error, 300)
        where = "on this machine" if settings.address is None else f"at {settings.address}"
        raise ServiceError(f"no Ray {where}: {said}") from None


def _check_address(address: str) -> None:
    """Ray itself would try for minutes, and end the process when it gives up."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdigit():
        raise UsageError(
            f"--address {address}: expected HOST:PORT of a cluster's head, or auto on one of its machines (run the"
            " ingest there: a client from outside, ray://, is not enough for Ray Data)"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise ServiceError(
            f"no Ray at {address}: {error.strerror or error}; is the cluster up, and this machine a part of it?"
        ) from None
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        healthy = subprocess.run(command, capture_output=True, timeout=_ANSWER_SECONDS, check=False).returncode == 0  # noqa: S603
    except subprocess.TimeoutExpired:
        healthy = False
    if not healthy:
        raise ServiceError(
            f"what listens at {address} does not answer as a Ray of this version; is it the head's port?"
        )


def _workers_that_fit(ray: Any, settings: EngineSettings) -> int:
    """More may come: a cluster that grows is asked for the rest as there is work."""
    there = ray.cluster_resources()
    fit = settings.workers
    if settings.cpus_per_worker:
        fit = min(fit, int((there.get("CPU", 0) - READING_CPUS) / settings.cpus_per_worker))
    if settings.gpus_per_worker:
        fit = min(fit, int(there.get("GPU", 0) / settings.gpus_per_worker))
    if fit < 1:
        raise UsageError(
            f"the Ray has {there.get('CPU', 0):g} CPUs and {there.get('GPU', 0):g} GPUs; a worker of"
            f" {settings.cpus_per_worker:g} CPUs and {settings.gpus_per_worker:g} GPUs besides {READING_CPUS} CPU for"
            " reading does not fit in: set engine.cpus_per_worker and engine.gpus_per_worker, or begin more machines"
        )
    return fit


def _variables(settings: EngineSettings) -> dict[str, str]:
    return {**_QUIET, **_LOOPBACK} if settings.address is None else _QUIET


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _loopback_only() -> Iterator[None]:
    """As the environment says, also in a program that had imported Ray before: it looks there once, when imported."""
    from ray._private import ray_constants

    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Ray warns its developers of its own settings, and users of pools that have little to do."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"ray(\..*)?$")
        yield


@contextmanager
def _mute() -> Iterator[None]:
    """Nothing goes to standard error while Ray begins: its core announces there that it has been told to be quiet."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _quiet(ray: Any) -> Iterator[None]:
    """What Ray Data would print is ours to say."""
    context = ray.data.DataContext.get_current()
    names = ("enable_progress_bars", "print_on_execution_start")
    before = {name: getattr(context, name) for name in names}
    loggers = [logging.getLogger(name) for name in ("ray", "ray.data")]
    levels = [logger.level for logger in loggers]
    for name in names:
        setattr(context, name, False)
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(context, name, value)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
