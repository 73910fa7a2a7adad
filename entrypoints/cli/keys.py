"""`twap keys`: the keys that tokens are signed with."""

import typer

from twap.ports.errors import WrongSetting

ABOUT = """The keys that tokens are signed with.

Example: twap keys rotate
"""
group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=ABOUT)


@group.callback()
def about() -> None:
    """The keys that tokens are signed with."""


@group.command("rotate")
def rotate() -> None:
    """Add a signing key, used from the next start on; tokens of the older keys stay valid until they end.

    Example: twap keys rotate
    """
    from twap.entrypoints.settings import load_settings
    from twap.plugins.auth import keyring

    settings = load_settings()
    if settings.secret_key is not None:
        raise WrongSetting("TWAP_SECRET_KEY: the key is set, so there is none to rotate; set another value")
    rotated = keyring.rotate(settings.data_dir)
    typer.echo(f"new tokens are signed with {rotated.signing_id}; {len(rotated.keys)} keys verify")
