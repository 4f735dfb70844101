#!/bin/sh
# Prints the Python that .venv is made from, by its full path. Usage, in the project's directory:
#
#   sh scripts/find_python.sh [PYTHON]
#
# That is PYTHON if given, else the one that .venv was made from, else the newest on the PATH that envs/requirements.lock
# was resolved for; 3.14 last, since a package of it has no wheel there yet (immutables, which Snakemake needs) and would
# have to be compiled. Each is run before it is believed: a name on the PATH may be a shim with nothing behind it.
set -uf

probe='
import sys, sysconfig, venv, ensurepip
supported = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
if not supported or sys.version_info[0] != 3 or str(sys.version_info[1]) not in sys.argv[1].split():
    sys.exit(1)
# Inside an environment this is the interpreter that it was made from, which outlives it.
print(sys._base_executable)
'

try() { # PYTHON MINORS
    "$1" -c "$probe" "$2" 2>/dev/null </dev/null
}

wanted="CPython 3.11, 3.12, 3.13 or 3.14 with its modules venv and ensurepip"

if [ -n "${1:-}" ]; then
    try "$1" "14 13 12 11" && exit
    echo "Handoff needs $wanted, and PYTHON=$1 is not one that runs." >&2
    exit 1
fi

[ -x .venv/bin/python ] && try .venv/bin/python "14 13 12 11" && exit

IFS=:
for minor in 13 12 11 14; do
    for directory in $PATH; do
        for name in "python3.$minor" python3 python; do
            [ -x "$directory/$name" ] && try "$directory/$name" "$minor" && exit
        done
    done
done
echo "Handoff needs $wanted, and none on the PATH runs (on Debian or Ubuntu: apt install python3 python3-venv)." >&2
exit 1
