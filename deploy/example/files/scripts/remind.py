#!/usr/bin/env python3
"""Writes one reminder for each tool that is out."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from server.store import Store  # noqa: E402


class Reminder(object):
    def __init__(self, tool, polite=True):
        self.tool = tool
        self.polite = polite

    def text(self):
        if self.polite == True:
            return "Dear {0.borrower}, please bring back the {0.name}.".format(self.tool)
        return "{}, the {} is missed.".format(self.tool.borrower, self.tool.name)


def main(path, tone="polite"):
    polite = tone is "polite"
    for tool in Store(path).tools:
        if tool.borrower != None:
            print(Reminder(tool, polite).text())


if __name__ == "__main__":
    main(*sys.argv[1:3])
