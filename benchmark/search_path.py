"""Where Python may look for modules: nowhere that depends on the current directory, whose files are data to us.

The command takes such places off its path before it imports anything else, and so this module imports nothing that Python
has not loaded by then.
"""

from __future__ import annotations

import os
import sys


def search_path() -> list[str]:
    """`sys.path` without the current directory, and without what PYTHONPATH says relative to it (an empty entry is that).

    Where this package itself was found in such a place, as `python -m benchmark` in a checkout finds it, that comes last,
    but before another copy of it that is installed: a child must not run other code than its parent.
    """
    here = _places_here()
    path = [entry for entry in sys.path if os.path.isabs(entry) and os.path.realpath(entry) not in here]
    package = os.path.dirname(os.path.abspath(__file__))
    own, name = os.path.split(package)
    if own in path:
        return path
    others = (at for at, entry in enumerate(path) if os.path.isdir(os.path.join(entry, name)))
    path.insert(next(others, len(path)), own)
    return path


def _places_here() -> list[str]:
    """Python has made what PYTHONPATH says absolute when it began, so that the path alone does not tell."""
    try:
        here = os.getcwd()
    except OSError:  # it is gone, and nothing can lie in it
        return []
    entries = ["", *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return [os.path.realpath(os.path.join(here, entry)) for entry in entries if not os.path.isabs(entry)]
