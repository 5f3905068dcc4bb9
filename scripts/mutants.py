"""Do the tests notice a wrong line? Mutation testing with mutmut (``make mutants``), and its table per file.

``mutants.py run [NAME ...]`` changes one thing at a time in the files named in pyproject.toml and runs the tests that
call the changed function; NAME is a pattern like ``*evaluate.splits*``. What was run stays known, and a run that was
stopped goes on. ``mutants.py left [NAME ...]`` prints the changes that no test noticed, ``mutants.py again [NAME ...]``
tries these with the tests of now, ``mutants.py table`` counts per file.

mutmut by itself leaves decorated functions alone, so the journal's methods under ``telling_damage``: here they count.
What is raised is not changed: the wording of an error is no test's business, whether it is raised is. In the text of
SQL, where much of the journal is decided, conditions and orders are turned around; mutmut would change its upper and
lower case, which means nothing there.
"""

from __future__ import annotations

import fnmatch
import gc
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import libcst
from mutmut import __main__ as mutmut
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import mutation_operators, operator_string
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

MUTABLE_UNDER = {"telling_damage", "torch.no_grad()"}
SQL = re.compile(r"\b(SELECT|FROM|WHERE|GROUP BY|ORDER BY|INSERT INTO|VALUES|UPDATE|AND source)\b")
TURNED_AROUND = {
    " = ": " != ", " != ": " = ", " > ": " >= ", " >= ": " > ", " < ": " <= ", " <= ": " < ",
    " AND ": " OR ", " OR ": " AND ", " NOT IN ": " IN ", " IN ": " NOT IN ", "BETWEEN": "NOT BETWEEN",
    " DESC": " ASC", "max(": "min(", "min(": "max(",
}  # fmt: skip
LEFT = ("survived", "no tests")
skipped_by_mutmut = MutationVisitor._skip_node_and_children
collected_by_mutmut = mutmut.collect_source_file_mutation_data


def _skipped(visitor: MutationVisitor, node: Any) -> bool:
    if isinstance(node, libcst.Raise):
        return True
    if isinstance(node, libcst.Call) and isinstance(node.func, libcst.Name) and node.func.value.endswith("Error"):
        return True
    if isinstance(node, libcst.FunctionDef) and len(node.decorators) == 1:
        decorator = libcst.Module([]).code_for_node(node.decorators[0].decorator)
        if decorator in MUTABLE_UNDER:
            return False
    return bool(skipped_by_mutmut(visitor, node))


def _changed_string(node: libcst.BaseString) -> Iterator[libcst.BaseString]:
    if not isinstance(node, libcst.SimpleString) or not SQL.search(node.value):
        yield from operator_string(node)
        return
    for word, other in TURNED_AROUND.items():
        for found in re.finditer(re.escape(word), node.value):
            if word != " IN " or not node.value[: found.start()].endswith(" NOT"):
                yield node.with_changes(value=node.value[: found.start()] + other + node.value[found.end() :])
    if " ORDER BY " in node.value and "DESC" not in node.value:
        yield node.with_changes(value=re.sub(r"( ORDER BY [\w.]+(\([\w.]+\))?)", r"\1 DESC", node.value))


def _run(patterns: list[str], again: bool) -> None:
    def to_run(*, mutant_names: list[str]) -> Any:
        mutants, files = collected_by_mutmut(mutant_names=mutant_names)
        wanted = [each for each in mutants if each[2] is None or (again and status_by_exit_code[each[2]] in LEFT)]
        return wanted, files

    mutmut.collect_source_file_mutation_data = to_run
    MutationVisitor._skip_node_and_children = _skipped
    mutation_operators[mutation_operators.index((libcst.BaseString, operator_string))] = (
        libcst.BaseString,
        _changed_string,
    )
    # Each mutant is a fork; what is garbage in all that torch brought along, none of them needs to look for.
    os.register_at_fork(before=gc.freeze)
    mutmut._run(patterns or ["*"], 1)


def _results() -> dict[str, dict[str, str]]:
    """Return file → mutant → what became of it."""
    results = {}
    for path in sorted(walk_mutatable_files()):
        data = SourceFileMutationData(path=path)
        data.load()
        results[str(path)] = {name: status_by_exit_code[code] for name, code in data.exit_code_by_key.items()}
    return results


def _table() -> None:
    rows = {file.removeprefix("src/napari_cellsynth/"): Counter(of.values()) for file, of in _results().items()}
    rows["all"] = sum(rows.values(), Counter())
    print("| file | mutants | killed | survived | no test | not run |\n|---|---:|---:|---:|---:|---:|")
    for file, count in rows.items():
        # A mutant that runs on and on is noticed, too.
        killed = sum(count[status] for status in ("killed", "timeout", "segfault", "suspicious"))
        left = " | ".join(str(count[status]) for status in ("survived", "no tests", "not checked"))
        print(f"| `{file}` | {count.total()} | {killed} | {left} |")


def _left(patterns: list[str]) -> None:
    for of in _results().values():
        for name, status in of.items():
            if status in LEFT and any(fnmatch.fnmatch(name, each) for each in patterns or ["*"]):
                print(f"# {name}: {status}")
                print("\n".join(mutmut.get_diff_for_mutant(name).splitlines()[2:]))


if __name__ == "__main__":
    command, names = sys.argv[1], sys.argv[2:]
    if command in ("run", "again"):
        _run(names, command == "again")
    else:
        {"table": lambda names: _table(), "left": _left}[command](names)
