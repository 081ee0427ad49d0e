"""The command line: one file per command, all of them thin.

Results go to standard output, everything else to standard error. Exit codes: 0 all well, 1 some files failed,
2 usage or configuration, 3 the collection and the configuration disagree, 4 a store, model or service failed or
could not be reached, 130 interrupted, 143 ended by SIGTERM, which is handled as an interruption.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import os
import signal
import sys
import warnings
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from rag_pipeline.cli.output import print_error, print_warning
from rag_pipeline.errors import OutputError, RagPipelineError
from rag_pipeline.messages import _, language_of, speaking

# Each is the function `command` of a module here that is imported when it may be called:
# a question to a warm server takes less time than the imports of the others.
COMMANDS = {
    "init": "init",
    "ingest": "ingest",
    "query": "query",
    "serve": "serve",
    "mcp": "mcp",
    "status": "status",
    "doctor": "doctor",
    "config": "config_command",
    "models": "models",
    "verify": "verify",
    "check-reading": "check_reading",
    "compare": "compare",
    "questions": "questions",
    "train": "train",
    "switch": "switch",
    "map": "map_command",
    "adopt": "adopt",
}
_INTERRUPTED = 130
_TERMINATED = 128 + signal.SIGTERM
_GARBAGE_THRESHOLD = 100_000
_terminated = False


def main(command: str | None = None, arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        command: a single command, as ``ingest.py`` and ``query.py`` are; None: all of them.
        arguments: the words after the program's name; None: those of this process.
    """
    # Importing torch, transformers and chromadb makes a million objects that all stay: looking through them for
    # garbage at the usual rate takes a quarter of a cold query's time.
    gc.set_threshold(_GARBAGE_THRESHOLD)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    code = run(command, arguments)
    sys.stderr.flush()
    if "torch" in sys.modules:
        # Everything is closed and written. Taking torch's modules apart would keep the user waiting for a second.
        os._exit(code)
    sys.exit(code)


def run(command: str | None = None, arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; see :func:`main`."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # Korean must not fail on a terminal or pipe of another encoding.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace" if stream.isatty() else "backslashreplace", encoding="utf-8")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    # Says in its own way what we say in ours.
    logging.getLogger("langchain_google_genai").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # A warning of ours is for the user, in one line; those of the libraries are not.
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", module=r"rag_pipeline(\..*)?$", category=UserWarning)
        warnings.showwarning = lambda message, *_ignored, **_more: print_warning(str(message))
        with speaking(language_of()):
            return _run(command, sys.argv[1:] if arguments is None else arguments)


def _run(command: str | None, arguments: list[str]) -> int:
    try:
        result = _ask_quickly(command, arguments)
        if result is None:
            result = _call(command, arguments)
        sys.stdout.flush()
    except RagPipelineError as error:
        print_error(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        # The reader, such as head, had enough.
        _discard_output()
        return 0
    except OSError as error:
        _discard_output()
        from rag_pipeline.cli.error_texts import translated

        place = error.filename or _("standard output")
        print_error(f"{place}: {translated(error.strerror or str(error))}")
        return OutputError.exit_code
    # Commands return their exit code; typer returns 130 itself when one is interrupted.
    return _interrupted() if result == _INTERRUPTED else result


def _ask_quickly(command: str | None, arguments: list[str]) -> int | None:
    """A plain question to a server that runs, before anything is imported that it does not need."""
    if command is None and arguments[:1] == ["query"]:
        command, arguments = "query", arguments[1:]
    if command != "query":
        return None
    from rag_pipeline.cli.quick import ask_quickly

    return ask_quickly(arguments)


def _call(command: str | None, arguments: list[str]) -> int:
    import typer

    from rag_pipeline.cli.error_texts import translated

    try:
        return int(_command(command)(args=arguments, standalone_mode=False, prog_name=_program_name()) or 0)
    except typer.TyperException as error:
        print_error(translated(error.format_message()) + " " + _("(see --help)"))
        return error.exit_code
    except typer.Abort:
        return _INTERRUPTED


def command_tree() -> Any:
    """All commands, as typer has them."""
    return _command(None)


def _command(command: str | None) -> Any:
    import typer

    from rag_pipeline.cli.help_texts import typer_command

    app = typer.Typer(
        add_completion=False,
        no_args_is_help=command is None,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # plain text: brackets mean themselves, and a pipe gets what a terminal does
        help="A LangChain RAG pipeline over a Chroma vector store, Korean and English first.",
    )
    for name, module in COMMANDS.items():
        if command in (None, name):
            app.command(name)(importlib.import_module(f"{__name__}.{module}").command)
    return typer_command(app)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """End as at Ctrl-C: what is being written is written to its end."""
    global _terminated  # noqa: PLW0603
    _terminated = True
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would break off what the first has begun to close
    raise KeyboardInterrupt


def _open_closed_streams() -> None:
    """A process may be started with its standard streams closed; Python then has None for them."""
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115


def _discard_output() -> None:
    """What is still in the buffer has nowhere to go; Python would complain of it again at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupted() -> int:
    how = _("ended by SIGTERM") if _terminated else _("interrupted")
    print_error(_("{how}; what was done is kept: run the same command again to go on").format(how=how))
    return _TERMINATED if _terminated else _INTERRUPTED


def _program_name() -> str:
    name = Path(sys.argv[0]).name
    return "python -m rag_pipeline" if name == "__main__.py" else name
