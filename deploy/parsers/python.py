"""python3 python.py FOLDER: reads names of files in FOLDER from stdin, a line each, and prints those that the
compiler rejects, each with a tab and the reason."""

import os
import sys
import warnings

warnings.simplefilter("ignore")
for name in sys.stdin.read().splitlines():
    with open(os.path.join(sys.argv[1], name), "rb") as file:
        text = file.read()
    try:
        compile(text, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        print(name, " ".join(str(error).split()), sep="\t")
