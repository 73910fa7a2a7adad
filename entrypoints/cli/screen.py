"""Rich's console as commands use it. Importing it is slow: `output.console` does so when it is needed."""

import os
import sys

from rich.console import Console


class Screen(Console):
    """Where whoever reads the output has enough of it, the command ends as by any other error."""

    @property
    def redraws(self) -> bool:
        """A live picture is possible. Elsewhere (a pipe, TERM=dumb) it would show only its last state."""
        return self.is_terminal and not self.is_dumb_terminal

    def on_broken_pipe(self) -> None:
        """Called while the BrokenPipeError is handled; Rich's SystemExit would tear the event loop apart."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        raise  # noqa: PLE0704 the error that is being handled
