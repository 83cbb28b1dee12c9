"""Ask Ansible what it makes of templates.

Reads {"vars": {}, "exprs": [], "templates": [], "texts": []} as JSON on
standard input and answers with a list of {"value", "text"} or {"error"} for
each. exprs are bare expressions, as in `when`; templates are values as in a
playbook; texts are whole files, as the template task renders them.
"""
import datetime
import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")
os.environ["ANSIBLE_DEPRECATION_WARNINGS"] = "0"
os.environ["ANSIBLE_SYSTEM_WARNINGS"] = "0"
os.environ["ANSIBLE_LOCALHOST_WARNING"] = "0"

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, AnsibleUndefined
from jinja2.runtime import Undefined


class Refused(Exception):
    pass


def plain(v):
    """A value as JSON can hold it; what is undefined is refused."""
    if isinstance(v, Undefined):
        if type(v) is Undefined:
            return ""
        str(v)
    if v is None or isinstance(v, (bool, int, float)):
        return v
    if isinstance(v, str):
        return str(v)
    if isinstance(v, dict):
        return {k if isinstance(k, str) else json.dumps(k): plain(e) for k, e in v.items()}
    if isinstance(v, (list, tuple)):
        return [plain(e) for e in v]
    if isinstance(v, (datetime.datetime, datetime.timedelta)):
        return str(v)
    if isinstance(v, (set, frozenset)):
        return sorted((plain(e) for e in v), key=str)
    if hasattr(v, "__iter__"):
        return [plain(e) for e in v]
    if callable(v):
        raise Refused("a function")
    return str(v)


def attempt(f):
    try:
        return f()
    except Exception as e:
        return {"error": (str(e) or type(e).__name__).split("\n")[0][:160]}


def main():
    job = json.load(sys.stdin)
    loader = DataLoader()
    loader.set_basedir(os.getcwd())
    templar = Templar(loader=loader, variables=job["vars"])
    env = templar.environment

    def expression(src):
        got = env.compile_expression(src, undefined_to_none=False)(**{**env.globals, **job["vars"]})
        value = plain(got)
        text = templar.template("{{ " + src + " }}", convert_data=False, escape_backslashes=False)
        return {"value": value, "text": str(text)}

    def answer(got):
        return {"text": str(got)} if isinstance(got, str) else {"value": plain(got)}

    def template(src):
        return answer(templar.template(src, convert_data=False))

    def whole(src):
        return answer(templar.template(src, convert_data=False, escape_backslashes=False))

    out = [attempt(lambda: expression(s)) for s in job.get("exprs") or []]
    out += [attempt(lambda: template(s)) for s in job.get("templates") or []]
    out += [attempt(lambda: whole(s)) for s in job.get("texts") or []]
    json.dump(out, sys.stdout)


main()
