"""Where the rules are kept: each a function of (state before, record, its fields) that yields what is wrong."""
import functools
import pathlib
import re
from types import SimpleNamespace

PAGE = pathlib.Path(__file__).resolve().parents[3] / "ceremony/state/RULES.md"
RULES = []


@functools.cache
def absolute():
    """id → whether nothing waives it, from the page."""
    return {row[1]: row[2] == " ■" for row in re.finditer(r"^### ([A-Z]+-\d+)( ■)?$", PAGE.read_text(), re.M)}


def rule(name, *events, failed=False, form=False):
    """One rule, or a part of one: for these events (all, if none), of records that failed too if it says so."""

    def keep(function):
        RULES.append(SimpleNamespace(name=name, events=events, failed=failed, form=form, function=function))
        return function

    return keep


def ask(state, record, form):
    """[(rule, what)] of what the record breaks, without what a waiver covers."""
    out = []
    for each in RULES:
        if each.form != form or each.events and record.ev not in each.events or not (record.ok or each.failed):
            continue
        for what in each.function(state, record, SimpleNamespace(**record.d)):
            waived = state.now and not absolute()[each.name] and any(
                name == each.name and event == record.ev and record.time <= until for name, event, until in state.now.waivers)
            if not waived:
                out.append((each.name, what))
    return out
