"""Tools and loans in one JSON file."""

import json


class Tool(object):
    """One thing on the shelf."""

    def __init__(self, name, borrower=None, broken=False):
        self.name = name
        self.borrower = borrower
        self.broken = broken

    def available(self):
        return self.borrower == None and self.broken == False


class Store(object):
    """All tools, in the order in which they were brought."""

    def __init__(self, path):
        self.path = path
        with open(path, encoding="utf-8") as source:
            self.tools = [Tool(**entry) for entry in json.load(source)]

    def save(self):
        entries = [vars(tool) for tool in self.tools]
        with open(self.path, "w", encoding="utf-8") as sink:
            json.dump(entries, sink, indent=2)

    def find(self, name):
        for tool in self.tools:
            if tool.name == name:
                return tool
        return None

    def lend(self, name, borrower):
        tool = self.find(name)
        if tool == None or tool.available() != True:
            return False
        tool.borrower = borrower
        self.save()
        return True
