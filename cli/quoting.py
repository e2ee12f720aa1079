r"""Values that Hydra's grammar can't read, such as paths with brackets, signs or letters outside ASCII.

In quotes it reads anything. For data.root, which is always text, a value that it can't read is taken as it is written,
where that can mean one thing only: no comma (several values), no quote in front, no ${ (another key's value).
"""

import re
import shlex

PATH = "data.root"
ARGUMENT = re.compile(r"([A-Za-z_][\w.]*)=(.+)", re.DOTALL | re.ASCII)
QUOTES = ("'", '"')
LISTS = ("[", "{")


def as_path(argument: str) -> str | None:
    """The override with its value in quotes, where it is the path of data and can mean nothing else."""
    key, value = _parts(argument)
    if key != PATH or value.startswith(QUOTES) or "," in value or "${" in value:
        return None
    return f"{key}={quoted(value)}"


def advice(argument: str) -> str | None:
    """What to type instead of an override whose value is text that needs quotes; None where it isn't such a one."""
    key, value = _parts(argument)
    if not value or value.startswith(QUOTES) or (value.startswith(LISTS) and key != PATH):
        return None
    advice = f"text needs quotes, for this grammar and for the shell: {in_quotes(argument)}"
    if "," not in value:
        return advice
    items = value[1:-1] if value.startswith(LISTS) else value
    several = f"{key}={','.join(quoted(item) for item in items.split(','))}"
    return f"{advice}, or for several values {shlex.quote(several)}"


def in_quotes(argument: str) -> str:
    """KEY=VALUE with the value as one text, as it is typed in a shell."""
    key, value = _parts(argument)
    return shlex.quote(f"{key}={quoted(value)}")


def quoted(text: str) -> str:
    r"""Text in double quotes: backslashes count only before a quote, and before ${, which would be another key."""
    inside = re.sub(r'(\\*)("|\Z)', lambda match: match[1] * 2 + ('\\"' if match[2] else ""), text)
    return '"' + inside.replace("${", "\\${") + '"'


def _parts(argument: str) -> tuple[str, str]:
    match = ARGUMENT.fullmatch(argument)
    return (match[1], match[2]) if match else ("", "")
