"""Commands that name all that is missing at once; by themselves they stop at the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

if TYPE_CHECKING:
    from collections.abc import Callable


class Command(TyperCommand):
    """A command that looks for all that it needs before it reads anything."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own
        """Read the arguments of a command line."""
        values, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        missing = [
            parameter.get_error_hint()
            for parameter in self.get_params(ctx)
            if isinstance(parameter, TyperOption | TyperArgument)
            and parameter.required
            and values.get(parameter.name) is None
        ]
        if len(missing) > 1 and "help" not in values and not ctx.resilient_parsing:
            ctx.fail(f"Missing {' and '.join(missing)}.")
        return super().parse_args(ctx, args)


class Commands(typer.Typer):
    """Commands of one name."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:  # noqa: ANN401
        """Add a command."""
        return super().command(name, **{"cls": Command} | options)
