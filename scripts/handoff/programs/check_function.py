"""Says why a user's `module:function` cannot be had, as the last line of its output; 'right' if it can.

Its arguments are the folder to look from, that name, and what the function is for, as the end of a sentence. The
module is the user's: it may print, and take long.
"""

import difflib
import importlib
import sys

folder, name, what = sys.argv[1:]
module, _, function = name.partition(":")
sys.path.insert(0, folder)
said = "right"
try:
    found = importlib.import_module(module)
except BaseException as error:  # also one that calls exit
    said = f"the module {module} cannot be imported: {type(error).__name__}: {error}"
else:
    if not hasattr(found, function):
        near = difflib.get_close_matches(function, dir(found), n=1)
        said = f"{module} has no {function}." + (f" Did you mean {near[0]!r}?" if near else "")
    elif not callable(getattr(found, function)):
        said = f"{name} is no function that {what}"
print("\n" + " ".join(said.split()))
