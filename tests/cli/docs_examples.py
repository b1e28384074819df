#!/usr/bin/env python3
"""The examples of the manual: taken out of Markdown, run, and written back with what they print.

A fenced block is told what it is by the comment on the line above it:

    <!-- file NAME -->      the block is the file NAME in the page's scratch directory
    <!-- run [N] [head=K] --> each line "$ ..." is run there and must exit with N (default 0)
    <!-- not run: REASON -->  commands that a test cannot run, and why

usage: docs_examples.py unmarked FILE...          the blocks of commands that are neither
       docs_examples.py blocks LANGUAGE FILE...   prints  FILE:LINE  and the block, NUL between them
       docs_examples.py check FILE                runs a page's examples, in order
       docs_examples.py update FILE               the same, and puts the real output into the page

What is compared: the exit status, and of a table the heading. Figures and times differ each time.
"""
import os
import re
import subprocess
import sys
import tempfile

COMMANDS = {"console", "sh", "bash", "shell"}
FENCE = re.compile(r"^```(\w*)\s*$")
MARK = re.compile(r"^<!-- (file|run|not run:)(?!\w)\s*(.*?)\s*-->$")


class Block:
    def __init__(self, language, line, mark, arguments):
        self.language, self.line, self.mark, self.arguments = language, line, mark, arguments
        self.text = []
        self.end = line

    def status(self):
        found = [int(a) for a in self.arguments if a.isdigit()]
        return found[0] if found else 0

    def head(self):
        found = [int(a[5:]) for a in self.arguments if a.startswith("head=")]
        return found[0] if found else None


def blocks_of(lines):
    """Blocks with the index of their first line of text (line) and of the closing fence (end)."""
    blocks, current = [], None
    for i, line in enumerate(lines):
        if current is not None:
            if line.strip() == "```":
                current.end = i
                blocks.append(current)
                current = None
            else:
                current.text.append(line)
            continue
        fence = FENCE.match(line)
        if fence:
            mark = MARK.match(lines[i - 1]) if i > 0 else None
            current = Block(fence[1], i + 1, mark[1] if mark else "",
                            mark[2].split() if mark else [])
    if current is not None:
        sys.exit(f"line {current.line}: the block is not closed")
    return blocks


def commands_of(block):
    """[(command, printed lines)]"""
    commands, more = [], False
    for line in block.text:
        if more:
            commands[-1][0].append(line)
        elif line.startswith("$ "):
            commands.append(([line[2:]], []))
        elif commands:
            commands[-1][1].append(line)
            continue
        else:
            continue
        more = line.endswith("\\")
    return [("\n".join(command), printed) for command, printed in commands]


def heading(lines):
    """First, second and last column of a table: columns where all is zero are left out."""
    words = lines[0].split() if lines else []
    is_heading = len(words) > 1 and all(re.fullmatch(r"[A-Z_]+", w) for w in words)
    return [words[0], words[1], words[-1]] if is_heading else None


def run_command(command, directory):
    try:
        done = subprocess.run(["bash", "-c", command], cwd=directory, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=120)
    except subprocess.TimeoutExpired:
        return 124, [], ["it did not end in 120 s"]
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def run_block(block, page, directory, failures):
    """The block's text with what its commands print now."""
    text = []
    for command, shown in commands_of(block):
        status, printed, told = run_command(command, directory)
        place = f"{page}:{block.line}: $ {command}"
        if status != block.status():
            failures.append("\n  ".join([f"{place}", f"exit status {status}, expected "
                                         f"{block.status()}", *printed, *told]))
        if shown and heading(shown) != heading(printed):
            failures.append(f"{place}\n  shown:   {shown[0]}\n  printed: {printed[:1]}")
        if block.head() is not None and len(printed) > block.head():
            printed = printed[:block.head()] + ["..."]
        text.append("$ " + command)
        while printed and not printed[-1].strip():
            printed = printed[:-1]
        text.extend(line.rstrip() for line in printed + told)
    return text


def run_page(page, update):
    with open(page, encoding="utf-8") as f:
        lines = f.read().split("\n")
    failures, shift = [], 0
    with tempfile.TemporaryDirectory(prefix="diner-docs-") as directory:
        os.chmod(directory, 0o755)
        for block in blocks_of(lines):
            if block.mark == "file":
                path = os.path.join(directory, block.arguments[0])
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as f:
                    f.write("\n".join(block.text) + "\n")
            elif block.mark == "run":
                text = run_block(block, page, directory, failures)
                lines[block.line + shift:block.end + shift] = text
                shift += len(text) - len(block.text)
    if update:
        with open(page, "w", encoding="utf-8") as f:
            f.write("\n".join(lines))
    for failure in failures:
        print(failure)
    return 1 if failures else 0


def unmarked(page):
    with open(page, encoding="utf-8") as f:
        blocks = blocks_of(f.read().split("\n"))
    for block in blocks:
        is_told = block.mark in ("run", "file") or (block.mark == "not run:" and block.arguments)
        if block.language in COMMANDS and not is_told:
            yield f"{page}:{block.line}: {block.text[0] if block.text else ''}"


def main():
    if len(sys.argv) >= 3 and sys.argv[1] == "unmarked":
        found = [place for page in sys.argv[2:] for place in unmarked(page)]
        print("\n".join(found), end="\n" if found else "")
        return 1 if found else 0
    if len(sys.argv) >= 4 and sys.argv[1] == "blocks":
        for page in sys.argv[3:]:
            with open(page, encoding="utf-8") as f:
                for block in blocks_of(f.read().split("\n")):
                    if block.language == sys.argv[2]:
                        text = "\n".join(block.text)
                        sys.stdout.write(f"{page}:{block.line}\n{text}\n\0")
        return 0
    if len(sys.argv) == 3 and sys.argv[1] in ("check", "update"):
        return run_page(sys.argv[2], sys.argv[1] == "update")
    print(__doc__, file=sys.stderr)
    return 2


sys.exit(main())
