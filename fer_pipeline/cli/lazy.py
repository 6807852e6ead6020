"""A group that loads a command only when it is called: no command waits for another's libraries."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """Commands that stand in modules of their own, each called ``command`` there.

    Args:
        package: Where the modules are.
        listed: The first line of each command's help, so that a list of them loads none.
        modules: Name of the module where it is not that of the command.
    """

    def __init__(
        self,
        *args: Any,
        package: str,
        listed: Mapping[str, str],
        modules: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._package = package
        self._listed = listed
        self._modules = modules or {}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002, D102
        return list(self._listed)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002, D102
        if name not in self._listed:
            return None
        module = import_module(f"{self._package}.{self._modules.get(name, name.replace('-', '_'))}")
        command: click.Command = module.command
        return command

    def format_commands(  # noqa: D102
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._listed.items()))
