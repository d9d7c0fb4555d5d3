"""``minisnn completion``: a script for a shell, made from the options that there are.

The script holds all names, so that a press of the tab key starts no Python.
"""

from __future__ import annotations

from importlib import import_module

from .program import Parser

DESCRIPTION = """\
Print a script that completes commands, options, and their values where they are names; all else is
completed as files.

  bash:  minisnn completion bash > ~/.minisnn-completion
         and in ~/.bashrc: source ~/.minisnn-completion
  zsh:   minisnn completion zsh > ~/.minisnn-completion
         and in ~/.zshrc: source ~/.minisnn-completion
"""

_BASH = """\
_minisnn() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words=""
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{commands}"
    else
        case "${{COMP_WORDS[1]}} $before" in
{values}
        esac
        if [ -z "$words" ] && [ "${{current#-}}" != "$current" ]; then
            case "${{COMP_WORDS[1]}}" in
{options}
            esac
        fi
    fi
    COMPREPLY=()
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$words" -- "$current")
}}
complete -o default -F _minisnn minisnn
"""
_ZSH = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"


def main(argv: list[str]) -> int:
    """Run; return the exit code."""
    parser = Parser(
        prog="minisnn completion",
        description=DESCRIPTION,
    )
    add_arguments(parser)
    options = parser.parse_args(argv)
    print((_ZSH if options.shell == "zsh" else "") + script(), end="")
    return 0


def add_arguments(parser: Parser) -> None:
    """Add the argument."""
    parser.add_argument("shell", choices=("bash", "zsh"), metavar="SHELL", help="bash or zsh")


def script() -> str:
    """Return the script for bash."""
    from . import COMMANDS

    values, options = [], []
    for name in COMMANDS:
        module = import_module(f".{'train_options' if name == 'train' else name}", __package__)
        module = import_module(".mnist_options", __package__) if name == "mnist" else module
        parser = Parser(prog=name)
        module.add_arguments(parser)
        flags = [flag for action in parser._actions for flag in action.option_strings]
        options.append(f'                {name}) words="{" ".join(flags)}" ;;')
        for action in parser._actions:
            if action.choices:
                keys = "|".join(f'"{name} {flag}"' for flag in action.option_strings or [name])
                words = " ".join(map(str, action.choices))
                values.append(f'            {keys}) words="{words}" ;;')
    return _BASH.format(
        commands=" ".join(COMMANDS), values="\n".join(values), options="\n".join(options)
    )
