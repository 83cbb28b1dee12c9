package jinja

import (
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
)

// dotted reads a name that may be qualified, as ansible.builtin.to_json.
func (p *parser) dotted(what string) (token, error) {
	t, err := p.expectName(what)
	if err != nil {
		return t, err
	}
	for p.isOp(".") && p.toks[p.i+1].kind == tokName {
		p.next()
		part := p.next()
		t.text += "." + part.text
		t.end = part.end
	}
	return t, nil
}

// collections whose names may be written in front of a filter, test or
// lookup; the rest of the name must be known.
var collections = []string{
	"ansible.builtin.", "ansible.legacy.", "ansible.utils.", "ansible.netcommon.", "ansible.posix.",
	"community.general.", "community.crypto.",
}

func unqualified(name string) string {
	if !strings.Contains(name, ".") {
		return name
	}
	for _, c := range collections {
		if rest, ok := strings.CutPrefix(name, c); ok {
			return rest
		}
	}
	return name
}

// leftOut are names that Ansible knows and this engine does not, with what to
// do instead.
var leftOut = map[string]string{
	"json_query":      "use selectattr, map(attribute=…) and dict2items, or a {% for %} block",
	"vault":           "encrypt the value with ansible-vault, or etcdplay's own vault command",
	"unvault":         "vaulted values are decrypted when they are read",
	"xml_to_json":     "XML is not read",
	"from_xml":        "XML is not read",
	"to_xml":          "XML is not written",
	"win_splitdrive":  "Windows hosts are not managed",
	"random_mac":      "write the address down: it should not change between runs",
	"safe_eval":       "use from_json or from_yaml",
	"vault_encrypted": "vaulted values are decrypted when they are read",
}

// unknownName is the error of a filter, test or lookup that does not exist.
func (p *parser) unknownName(kind string, t token, known []string, other string) *source.Error {
	e := p.errorf(t, "there is no %s named %s", kind, t.text)
	plain := unqualified(t.text)
	switch {
	case leftOut[plain] != "":
		e.Msg = t.text + " is not supported"
		e.WithHint("%s", leftOut[plain])
	case other != "":
		e.WithHint("%s", other)
	default:
		e.Hint = source.DidYouMean(plain, known)
	}
	return e
}

// filter parses a filter's name and arguments, behind the |.
func (p *parser) filter() (*bound, error) {
	t, err := p.dotted("the name of a filter")
	if err != nil {
		return nil, err
	}
	f := lib().filters[unqualified(t.text)]
	if f == nil {
		other := ""
		if lib().tests[unqualified(t.text)] != nil {
			other = "it is a test: write value is " + t.text
		}
		return nil, p.unknownName("filter", t, names(lib().filters), other)
	}
	a := &argExprs{}
	if p.isOp("(") {
		if a, err = p.arguments(); err != nil {
			return nil, err
		}
	}
	return p.bindFilter(f, t, a)
}

// bindFilter sorts the arguments of a filter; where they name another filter
// or a test to apply to each item, that one is looked up as well.
func (p *parser) bindFilter(f *function, t token, a *argExprs) (*bound, error) {
	b, err := bind(f, p.at(t), a)
	if err != nil || b.all != nil {
		return b, err
	}
	named, set, kind := 0, lib().tests, "test"
	switch f.name {
	case "map":
		set, kind = lib().filters, "filter"
	case "select", "reject":
	case "selectattr", "rejectattr":
		named = 1
	default:
		return b, nil
	}
	if len(a.pos) <= named {
		return b, nil
	}
	what, ok := a.pos[named].(*literal)
	if !ok {
		return b, nil // known only when it runs
	}
	word, ok := what.value.(string)
	if !ok {
		return nil, what.at.errorf("the name of a %s is a string", kind)
	}
	inner := set[unqualified(word)]
	if inner == nil {
		wt := token{off: what.at.off, text: word}
		return nil, p.unknownName(kind, wt, names(set), "")
	}
	rest := &argExprs{pos: a.pos[named+1:], kw: a.kw}
	if b.inner, err = bind(inner, what.at, rest); err != nil {
		return nil, err
	}
	b.rest, b.kw = nil, nil
	return b, nil
}

// test parses a test's name and argument, behind the `is`.
func (p *parser) test(e expr, off int) (expr, error) {
	not := p.takeWord("not")
	t, err := p.dotted("the name of a test")
	if err != nil {
		if tok := p.peek(); tok.kind == tokOp && (tok.text == "==" || tok.text == "=") {
			return nil, p.errorf(tok, "`is` is followed by the name of a test").WithHint("write == to compare")
		}
		return nil, err
	}
	f := lib().tests[unqualified(t.text)]
	if f == nil {
		other := ""
		if lib().filters[unqualified(t.text)] != nil {
			other = "it is a filter: write value | " + t.text
		}
		return nil, p.unknownName("test", t, names(lib().tests), other)
	}
	a := &argExprs{}
	switch next := p.peek(); {
	case p.isOp("("):
		if a, err = p.arguments(); err != nil {
			return nil, err
		}
	case p.isWord("is"):
		return nil, p.errorf(next, "a test can't follow a test").WithHint("join them with `and`")
	case len(f.params) > 0 && p.beginsOperand(next):
		arg, err := p.primary()
		if err == nil {
			arg, err = p.postfix(arg)
		}
		if err != nil {
			return nil, err
		}
		a.pos = []expr{arg}
	}
	b, err := bind(f, p.at(t), a)
	if err != nil {
		return nil, err
	}
	if f.undef {
		p.guard(e)
	}
	n := &testExpr{p.mk(off), e, b, not}
	n.at = b.at
	return n, nil
}

// beginsOperand reports a token that can be a test's argument without
// parentheses, as in `x is divisibleby 3`.
func (p *parser) beginsOperand(t token) bool {
	switch t.kind {
	case tokName:
		return !oneOf(t.text, reserved)
	case tokString, tokInt, tokFloat:
		return true
	case tokOp:
		return t.text == "[" || t.text == "{"
	}
	return false
}

// checkLookup refuses a lookup that does not exist.
func (p *parser) checkLookup(c *callExpr) error {
	fn, ok := c.fn.(*name)
	if !ok || fn.name != "lookup" && fn.name != "query" && fn.name != "q" || p.declared(fn.name) {
		return nil
	}
	if len(c.args.pos) == 0 {
		return nil
	}
	what, ok := c.args.pos[0].(*literal)
	if !ok {
		return nil
	}
	word, ok := what.value.(string)
	if !ok {
		return what.at.errorf("the name of a lookup is a string")
	}
	plain := unqualified(word)
	if lib().lookups[plain] != nil || oneOf(plain, runnerLookups) {
		return nil
	}
	return p.unknownName("lookup", token{off: what.at.off, text: word}, append(names(lib().lookups), runnerLookups...), "")
}
