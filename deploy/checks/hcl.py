"""Parses the Terraform module and compares what must agree: each variable and output with its line in README.md, and the
parameters that the module gives with those that the CloudFormation template takes.

    hcl.py [--directory deploy/terraform] [--template deploy/ecs/agent.template.yaml]
"""

import argparse
import re
import sys
from pathlib import Path

import hcl2
import yaml

ROOT = Path(__file__).resolve().parents[2]


class Wrong(Exception):
    """Something that must hold does not."""


def must(holds, what):
    """Ends the check with a sentence when something does not hold."""
    if not holds:
        raise Wrong(what)


def bare(value):
    """A label or a text without the quotes that the parser keeps."""
    return value.strip('"') if isinstance(value, str) else value


def parse(file):
    """One file; a mistake names it."""
    try:
        with file.open() as opened:
            return hcl2.load(opened)
    except Exception as error:  # The parser has many kinds of its own.
        raise Wrong(f"{file}: {error}") from error


def blocks(files, kind):
    """All blocks of a kind with one label, by it."""
    found = {}
    for file in files:
        for block in parse(file).get(kind, []):
            for label, body in block.items():
                if not label.startswith("__"):
                    found[bare(label)] = body
    return found


def table(text, name):
    """The rows of a table between its marks, by what stands in the first column."""
    marked = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", text, re.DOTALL)
    must(marked, f"README.md has no table between <!-- {name} --> marks")
    rows = [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in marked[1].splitlines()[2:]]
    return {row[0].strip("| `"): row[1:] for row in rows}


def check_page(directory):
    """The page says of each variable and output what the module says, and names no other."""
    files = sorted(directory.glob("*.tf"))
    text = (directory / "README.md").read_text()
    variables, page = blocks(files, "variable"), table(text, "variables")
    must(variables, "the module has variables")
    must(list(variables) == list(page), f"README.md has other variables: {set(variables) ^ set(page) or 'their order'}")
    for name, body in variables.items():
        description, default = page[name][0], page[name][1].strip(" |")
        must(bare(body["description"]) == description, f"{name}: README.md says `{description}`")
        required = "default" not in body
        must(required == (default == "required"), f"{name}: README.md says that its default is {default}")
        if not required:
            value = body["default"]
            shown = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
            must(default == f"`{shown}`", f"{name}: its default is {shown}, README.md says {default}")
    outputs, page = blocks(files, "output"), table(text, "outputs")
    must(list(outputs) == list(page), f"README.md has other outputs: {set(outputs) ^ set(page)}")
    for name, body in outputs.items():
        must(bare(body["description"]) == page[name][0].strip(" |"), f"{name}: README.md says `{page[name][0]}`")


class Template(yaml.SafeLoader):
    """CloudFormation's YAML; what its functions come to does not matter here."""


Template.add_multi_constructor("!", lambda loader, suffix, node: None)


def check_parameters(directory, template):
    """The module gives the template every parameter that it must, and none that it does not know."""
    takes = yaml.load(template.read_text(), Template)["Parameters"]  # noqa: S506 (a subclass of the safe loader)
    main = parse(directory / "main.tf")
    stack = [
        body
        for block in main["resource"]
        for kind, named in block.items()
        if bare(kind) == "aws_cloudformation_stack"
        for label, body in named.items()
        if bare(label) == "agent"
    ]
    must(len(stack) == 1, "the module makes one stack")
    given = {bare(name) for name in stack[0]["parameters"] if not name.startswith("__")}
    must(given <= set(takes), f"the template takes no {sorted(given - set(takes))}")
    needed = {name for name, parameter in takes.items() if "Default" not in parameter}
    must(needed <= given, f"the template needs {sorted(needed - given)}")


def main():
    """Says in one line what is wrong, if anything is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", default=ROOT / "deploy/terraform", type=Path)
    parser.add_argument("--template", default=ROOT / "deploy/ecs/agent.template.yaml", type=Path)
    options = parser.parse_args()
    try:
        files = sorted(options.directory.rglob("*.tf")) + sorted(options.directory.rglob("*.tftest.hcl"))
        must(len(files) >= 6, f"there is something to parse: {files}")
        for file in files:
            parse(file)
        check_page(options.directory)
        check_parameters(options.directory, options.template)
    except Wrong as wrong:
        sys.exit(f"hcl: {wrong}")


if __name__ == "__main__":
    main()
