"""Tools and loans as text."""


def line(tool):
    if tool.borrower is "":
        return "{}: lent to nobody knows whom".format(tool.name)
    if tool.borrower != None:
        return "{}: lent to {}".format(tool.name, tool.borrower)
    return "{name:<20} on the shelf".format(name=tool.name)


def summary(tools):
    out = [tool for tool in tools if not tool.available()]
    if len(out) is 0:
        return "Everything is on the shelf."
    return "{0} of {1} tools are out.".format(len(out), len(tools))


def page(tools):
    lines = [line(tool) for tool in tools]
    return "{}\n\n{}\n".format(summary(tools), "\n".join(lines))
