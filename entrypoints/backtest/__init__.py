"""Orders on recordings, with the code that executes them live."""
