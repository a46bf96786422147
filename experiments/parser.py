"""Argument parser of the experiments: --help shows the common options, --help-all shows every option."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Collection

from acrnn.console import Parser

FULL_HELP = "--help-all"


class ExperimentParser(Parser):
    """Argument parser with a short and a full help.

    The short help has the options that a script adds itself and the common ones of the groups; groups with a common option
    come first.

    Args:
        description: text above the options, printed as it is.
        common: options of groups that the short help shows.
        required: required options with their values, for the line of usage.
    """

    def __init__(self, description: str | None, common: Collection[str] = (), required: str = ""):
        usage = " ".join(part for part in ("%(prog)s", required, "[options]") if part)
        super().__init__(description=description, formatter_class=_formatter, usage=usage)
        self.common = set(common)
        self.add_argument(FULL_HELP, action=_PrintFullHelp, help="show every option and exit")

    def format_help(self) -> str:
        """Returns the short help."""
        return self._formatted(self._is_common)

    def format_full_help(self) -> str:
        """Returns the help of every option."""
        return self._formatted(lambda action: True, _with_choices)

    def _is_common(self, action: argparse.Action) -> bool:
        return action in self._optionals._group_actions or bool(self.common.intersection(action.option_strings))

    def _formatted(
        self,
        is_shown: Callable[[argparse.Action], bool],
        shown_as: Callable[[argparse.Action], argparse.Action] = lambda action: action,
    ) -> str:
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        is_special = {group: not any(map(self._is_common, group._group_actions)) for group in self._action_groups}
        for group in sorted(self._action_groups, key=is_special.get):
            formatter.start_section(group.title)
            formatter.add_arguments([shown_as(action) for action in group._group_actions if is_shown(action)])
            formatter.end_section()
        return formatter.format_help()


class _PrintFullHelp(argparse.Action):
    """Prints the help of every option and ends the program."""

    def __init__(self, option_strings, dest, **keywords):
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, **keywords)

    def __call__(self, parser, namespace, values, option_string=None):
        print(parser.format_full_help(), end="")
        parser.exit()


def _with_choices(action: argparse.Action) -> argparse.Action:
    """Returns an option whose help lists its choices; a metavar hides them, and the short help leaves them out."""
    choices = list(map(str, action.choices or ()))
    if not (choices and action.metavar) or all(choice in action.help for choice in choices):
        return action
    action = copy.copy(action)
    action.help = f"{action.help}; one of {', '.join(choices)}"
    return action


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=26)
