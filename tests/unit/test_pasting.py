"""The code to paste as text: names that clash, files and makers, what stays; and imports in order."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff import strategies
from handoff.import_blocks import Import, in_order
from handoff.pasting import FOR_ONE_ARRAY, READERS, CannotPaste, OwnData, filled, literal
from handoff.scenarios import FILES

PICKLE = "pool_spawn-pickle"
HOME = "/home/me"


def test_a_built_in_task_with_a_made_payload_leaves_the_snippet_as_it_is() -> None:
    for strategy in strategies.TABLE:
        assert filled(strategy.id, "read") == strategy.snippet.read_text(encoding="utf-8")


def test_the_function_alone() -> None:
    code = filled("threads-reference", "package.module:clean", home=HOME)
    assert code.startswith("# Save this beside the folder package, and run it there.\n")
    assert "from package.module import clean\n" in code
    assert "# clean is your function; it must not write into data while others read it\n" in code
    assert "executor.submit(clean, payload)" in code
    assert "payload = np.arange(1_000_000, dtype=np.float64)  # your data" in code


def test_the_data_alone_want_a_function_that_takes_them() -> None:
    code = filled(PICKLE, "read", OwnData("frame", path="/data/x.csv"))
    assert 'payload = pd.read_csv("/data/x.csv")  # your data' in code
    assert "def work(data: Any) -> Any:\n    return len(data)  # your function" in code
    assert not code.startswith("#")


def test_an_installed_module_needs_no_folder() -> None:
    code = filled(PICKLE, "statistics:fmean")
    assert code.startswith('"""')
    assert "import multiprocessing\nfrom statistics import fmean\n" in code


@pytest.mark.parametrize(
    "strategy, task, said",
    [
        ("process_spawn-arena", "mine:put", "from mine import put as work"),
        ("process_spawn-arena", "mine:work", "from mine import work\n"),
        ("process_spawn-npy-disk", "mine:Path", "from mine import Path as work"),
        (PICKLE, "mine:print", "from mine import print as work"),
    ],
)
def test_a_name_that_the_snippet_has_is_another_one_here(strategy: str, task: str, said: str) -> None:
    assert said in filled(strategy, task, home=HOME)


def test_function_and_maker_of_one_module_and_of_one_name() -> None:
    assert "from mine import clean, make\n" in filled(PICKLE, "mine:clean", OwnData(maker="mine:make", home=HOME), HOME)
    code = filled(PICKLE, "mine:clean", OwnData(maker="other:clean", arguments=("it's",), home=HOME), HOME)
    assert "from mine import clean\nfrom other import clean as make\n" in code
    assert 'payload = make("it\'s")  # your data' in code
    assert code.startswith("# Save this beside mine.py and other.py, and run it there.\n")


def test_unpickling_is_warned_of() -> None:
    code = filled(PICKLE, "mine:clean", OwnData(path="/data/x.pkl"), HOME)
    assert "for files of your own.\n    payload = pickle.loads(Path(" in code


def test_room_is_made_for_the_data() -> None:
    def size(strategy: str, nbytes: int) -> str:
        code = filled(strategy, "mine:clean", OwnData("array", nbytes, "/data/x.npy"), HOME)
        (line,) = [line for line in code.splitlines() if line.startswith("SIZE")]
        return line.partition("  #")[0]

    assert size("process_spawn-arena", 100 * 2**20) == "SIZE = 113 * 2**20"
    assert size("process_spawn-shared_memory_reused", 10) == "SIZE = 1 * 2**20"
    assert size("process_spawn-arena", 0) == "SIZE = 64 * 2**20"
    assert size("process_spawn-lmdb-tmpfs", 10) == "SIZE = 2**30"
    assert size("process_spawn-lmdb-tmpfs", 2**30) == "SIZE = 1153 * 2**20"


def test_a_long_path_puts_the_comment_above() -> None:
    code = filled("dask-pickle", "mine:clean", OwnData("array", path=f"/{'x' * 60}.npy"), HOME)
    assert "    # Your data; from 10 MiB on Dask warns, and scatter is better\n    payload = np.load(" in code


def test_what_a_server_preloads_goes_by_the_data() -> None:
    code = filled("process_forkserver_preload-pickle5", "mine:clean", OwnData("text_frame", path="/x.csv"), HOME)
    assert 'set_forkserver_preload(["pandas"])' in code
    assert "that has imported pandas already" in code


def test_where_only_an_array_has_code_that_is_said() -> None:
    code = filled("process_spawn-arena_born", "mine:clean", OwnData("frame", path="/x.parquet"), HOME)
    plain = strategies.find("process_spawn-arena_born").snippet.read_text(encoding="utf-8")
    assert code == f"{FOR_ONE_ARRAY}\n{plain}"


@pytest.mark.parametrize(
    "task, data, said",
    [
        ("mine:a.b", OwnData(), "'mine:a.b' cannot be imported; it should be module:function, as mymodule:clean."),
        ("mine:", OwnData(), "'mine:' cannot be imported"),
        ("read", OwnData(path="/data/x.json"), "'/data/x.json' is of no known type; known are .npy, "),
        ("read", OwnData(maker="x y:z"), "'x y:z' cannot be imported"),
    ],
)
def test_what_cannot_be_pasted_is_said(task: str, data: OwnData, said: str) -> None:
    with pytest.raises(CannotPaste) as caught:
        filled(PICKLE, task, data)
    assert said in str(caught.value)


@given(st.text(max_size=30))
def test_a_text_is_written_as_python_reads_it(text: str) -> None:
    assert ast.literal_eval(literal(text)) == text


@given(st.text(max_size=30), st.sampled_from(sorted(READERS)), st.sampled_from([s.id for s in strategies.TABLE]))
def test_whatever_the_path_it_is_a_program_that_names_it_once(name: str, suffix: str, strategy: str) -> None:
    data = OwnData("array" if suffix == ".npy" else "any", path=f"/{name}x{suffix}")
    code = filled(strategy, "mine:clean", data, HOME)
    found = [node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)]
    assert found.count(data.path) == (0 if code.startswith(FOR_ONE_ARRAY) else 1)


def test_imports_are_those_that_are_used_in_their_order() -> None:
    program = (
        '"""About."""\n\nimport os\nimport numpy as np\nfrom typing import Any  # why\n\nx: Any = np.array(Path())\n'
    )
    more = [Import("pathlib", "Path"), Import("mine", "clean", ours=True), Import("numpy", name="np")]
    assert in_order(program, more) == (
        '"""About."""\n\nfrom pathlib import Path\nfrom typing import Any  # why\n\nimport numpy as np\n\n'
        "x: Any = np.array(Path())\n"
    )
    assert in_order("import os\n\n\ndef f(): ...\n") == "def f(): ...\n"
    assert in_order("x = f()\n", [Import("mine", "f", ours=True)]) == "from mine import f\n\nx = f()\n"


def test_every_file_that_can_be_handed_over_can_be_read_in_what_is_pasted() -> None:
    assert set(FILES) <= set(READERS)
