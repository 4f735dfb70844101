"""Says why the module:factory of an executor cannot be had, as the last line of its output; 'right' if it can.

Its arguments are the folder to look from and that name. The module is the user's: it may print, and take long.
"""

import difflib
import importlib
import sys

folder, name = sys.argv[1:]
module, _, factory = name.partition(":")
sys.path.insert(0, folder)
said = "right"
try:
    found = importlib.import_module(module)
except BaseException as error:  # also one that calls exit
    said = f"the module {module} cannot be imported: {type(error).__name__}: {error}"
else:
    if not hasattr(found, factory):
        near = difflib.get_close_matches(factory, dir(found), n=1)
        said = f"{module} has no {factory}." + (f" Did you mean {near[0]!r}?" if near else "")
    elif not callable(getattr(found, factory)):
        said = f"{name} is no function that takes the number of workers and returns an executor"
print("\n" + " ".join(said.split()))
