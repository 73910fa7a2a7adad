"""The command line `twap`: a file per group of commands, each imported in full only when it runs."""


def main() -> None:
    """Exits with 0; 1 where it failed, with one line on standard error; 2 where it was used wrongly."""
    from twap.entrypoints.cli.app import app

    app()
