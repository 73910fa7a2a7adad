"""Rich's console as commands use it. Importing it is slow: `output.console` does so when it is needed."""

import os
import sys

from rich.console import Console


class Screen(Console):
    """Ends a command like any other error does where whoever reads the output has enough of it."""

    def on_broken_pipe(self) -> None:
        """Called while the BrokenPipeError is handled; Rich's SystemExit would tear the event loop apart."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        raise  # noqa: PLE0704 the error that is being handled
