"""Prints what is on the shelf: python3 -m server.app FILE"""

import sys

from server.render import page
from server.store import Store


def main(arguments):
    if len(arguments) is not 1:
        print("usage: python3 -m server.app FILE", file=sys.stderr)
        return 2
    store = Store(arguments[0])
    print(page(store.tools))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
