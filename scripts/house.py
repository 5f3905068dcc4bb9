"""Is the house in order? Counts of the source, and the limits that ``make check`` holds.

``house.py`` prints the counts as a Markdown table; what breaks a limit is named, and the exit status is 1. A function's
length is its body's lines of code: without docstring, comments and blank lines. A cycle is a set of modules that import
each other, imports within functions counted, those for type checkers alone not.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
MOST = {"file": 400, "dock": 300, "function": 50}
NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING,
    tokenize.ENDMARKER,
}  # fmt: skip


def modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name."""
    files = sorted(SOURCE.rglob("*.py"))
    return {".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def code_lines(text: str) -> set[int]:
    """Return the numbers of the lines that hold code."""
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NO_CODE:
            found.update(range(token.start[0], token.end[0] + 1))
    return found


def functions(text: str) -> Iterator[tuple[str, int]]:
    """Yield each function's name and the lines of code of its body."""
    code = code_lines(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            _, *rest = node.body
            body = rest if ast.get_docstring(node) is not None else node.body
            yield node.name, len({n for each in body for n in range(each.lineno, (each.end_lineno or 0) + 1)} & code)


def imported(node: ast.AST) -> Iterator[str]:
    """Yield what is imported below a node, at whatever depth, as ``module`` or ``module.name``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        yield from imported(child)


def cycles(files: dict[str, Path]) -> list[str]:
    """Return the modules that import themselves, however far round."""
    arrows: dict[str, set[str]] = {}
    for name, file in files.items():
        wanted = imported(ast.parse(file.read_text("utf-8")))
        homes = {each if each in files else each.rpartition(".")[0] for each in wanted}
        arrows[name] = homes & files.keys() - {name}

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        waiting = [start]
        while waiting:
            new = arrows[waiting.pop()] - found
            found |= new
            waiting += new
        return found

    return [name for name in files if name in reached(name)]


def main() -> int:
    """Print the table and what breaks a limit."""
    files = modules()
    texts = {name: file.read_text("utf-8") for name, file in files.items()}
    lengths = {name: text.count("\n") for name, text in texts.items()}
    longest = {(name, function): n for name, text in texts.items() for function, n in functions(text)}
    docks = {name: lengths[name] for name, text in texts.items() if re.search(r"^class \w+Dock\(", text, re.MULTILINE)}
    tests = len(list((ROOT / "tests").rglob("*.py")))
    everything = "\n".join(texts.values())
    circles = cycles(files)
    for what, count in (
        ("files, and of tests", f"{len(files)}, {tests}"),
        ("lines", f"{sum(lengths.values()):,}"),
        ("longest file; dock", f"{max(lengths.values())}; {max(docks.values())}"),
        ("files over 300 lines", sum(n > 300 for n in lengths.values())),
        ("longest function (lines of code)", max(longest.values())),
        ("functions over 50", sum(n > MOST["function"] for n in longest.values())),
        ("modules in import cycles (imports within functions counted)", len(circles)),
        ("`type: ignore`, `noqa`", f"{everything.count('# type: ignore')}, {everything.count('# noqa')}"),
    ):
        print(f"| {what} | {count} |")
    broken = [f"{name}: {n} lines" for name, n in lengths.items() if n > MOST["file"]]
    broken += [f"{name}: {n} lines, a dock" for name, n in docks.items() if n > MOST["dock"]]
    broken += [f"{name}.{function}: {n} lines" for (name, function), n in longest.items() if n > MOST["function"]]
    broken += [f"{name} imports itself round a corner" for name in circles]
    print("\n".join(broken), file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
