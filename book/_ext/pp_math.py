"""Let a displayed formula follow its sentence without a blank line, label included.

Markdown ends a paragraph only at a blank line, so ``$$`` on the line after a sentence would be read
as part of it, and the label of the formula would be lost.  Here ``$$`` at the start of a line
always begins a display.
"""

from myst_parser.parsers import mdit

ENDS = ["paragraph", "reference", "blockquote", "list"]


def interrupting(rule):
    """The same rule, usable as the end of a paragraph: when only asked, it leaves no trace."""

    def wrapper(state, start, end, silent):
        if not silent:
            return rule(state, start, end, silent)
        count, line = len(state.tokens), state.line
        found = rule(state, start, end, silent)
        del state.tokens[count:]
        state.line = line
        return found

    return wrapper


def dollarmath_plugin(md, plain=mdit.dollarmath_plugin, **options):
    plain(md, **options)
    rules = {rule.name: rule.fn for rule in md.block.ruler.__rules__}
    md.block.ruler.at("math_block", interrupting(rules["math_block"]), {"alt": ENDS})


def setup(app):
    if mdit.dollarmath_plugin is not dollarmath_plugin:
        mdit.dollarmath_plugin = dollarmath_plugin
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
