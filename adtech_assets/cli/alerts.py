"""adtech alerts: who is told of what needs a person."""

from __future__ import annotations

from adtech_assets.cli.commands import Commands

app = Commands(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Who is told of what needs a person."""


@app.command(epilog="Example: adtech alerts test")
def test() -> None:
    """Send a message to each channel of ADTECH_ALERTS, and say which of them took it.

    Exits with 1 if any of them did not.
    """
    import socket

    from adtech_assets.alerts.channels import channels, send
    from adtech_assets.alerts.memory import Message
    from adtech_assets.cli.screen import print_table
    from adtech_assets.errors import UserError
    from adtech_assets.settings import load_settings

    settings = load_settings()
    found = channels(settings)
    if not found:
        raise UserError(
            "ADTECH_ALERTS names nobody to tell. Set it to URLs of apprise, such as "
            "mailtos://user:password@example.com"
        )
    message = Message(
        title="adtech: a test",
        body=f"This is how alerts of {socket.gethostname()} arrive. {settings.ui_url}",
        kind="info",
    )
    answers = send(dict.fromkeys(found, message))
    print_table(
        None,
        ("channel", "test"),
        ((name, problem or "taken") for name, problem in answers.items()),
    )
    refused = [name for name, problem in answers.items() if problem]
    if refused:
        raise UserError(f"Not told: {', '.join(refused)}. See the URL in ADTECH_ALERTS.")
