package jinja

import (
	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// includeStmt is {% include file %}: the file, or the first that exists of a
// list of files, is run in place.
type includeStmt struct {
	at       place
	file     expr
	syntax   syntax
	optional bool // ignore missing
	context  bool
}

func (n *includeStmt) exec(st *state) error {
	body, err := st.loadTemplate(n.file, n.syntax)
	if err != nil {
		if _, missing := err.(*notFoundError); missing && n.optional {
			return nil
		}
		return n.file.pos().wrap(err)
	}
	if err := st.enter(); err != nil {
		return n.at.wrap(err)
	}
	defer st.leave()
	saved := st.frame
	defer func() { st.frame = saved }()
	if n.context {
		st.push()
	} else {
		st.frame = &frame{}
	}
	s, err := st.capture(body)
	if err != nil {
		return err
	}
	if s == "" {
		return nil
	}
	return n.at.wrap(st.out.emit(st, s))
}

// loadTemplate finds and compiles the file that e names, once in an Eval.
func (st *state) loadTemplate(e expr, s syntax) ([]stmt, error) {
	v, err := e.eval(st)
	if err != nil {
		return nil, err
	}
	if v, err = use(v); err != nil {
		return nil, err
	}
	choices := []any{v}
	if l, ok := sequence(v); ok {
		choices = l
	}
	path, err := st.find("templates", choices...)
	if err != nil {
		return nil, err
	}
	if body, ok := st.templates[path]; ok {
		return body, nil
	}
	src, err := st.read(path)
	if err != nil {
		return nil, err
	}
	s.start, s.rawStrings = 0, false
	p, err := parseTemplate(&text{src: src, at: source.Pos{File: path, Line: 1, Col: 1}, file: true, nl: s.Newline}, s)
	if err != nil {
		return nil, err
	}
	if st.templates == nil {
		st.templates = map[string][]stmt{}
	}
	st.templates[path] = p.body
	return p.body, nil
}

// importStmt is {% import file as x %} and {% from file import a %}: the file
// is run for the names that it sets.
type importStmt struct {
	at      place
	file    expr
	syntax  syntax
	context bool
	as      string
	names   []imported
}

type imported struct {
	name, as string
	at       place
}

func (n *importStmt) exec(st *state) error {
	body, err := st.loadTemplate(n.file, n.syntax)
	if err != nil {
		return n.file.pos().wrap(err)
	}
	if err := st.enter(); err != nil {
		return n.at.wrap(err)
	}
	defer st.leave()
	saved := st.frame
	if n.context {
		st.push()
	} else {
		st.frame = &frame{}
	}
	module := st.frame
	_, err = st.capture(body)
	st.frame = saved
	if err != nil {
		return err
	}
	if n.as != "" {
		vars := &value.Dict{}
		for i, name := range module.names {
			vars.Set(name, module.vals[i])
		}
		st.frame.set(n.as, &namespace{vars})
		return nil
	}
	for _, item := range n.names {
		found := false
		for i, name := range module.names {
			if name == item.name {
				st.frame.set(item.as, module.vals[i])
				found = true
			}
		}
		if !found {
			e := item.at.errorf("the file sets nothing named %s", item.name)
			e.Hint = source.DidYouMean(item.name, module.names)
			return e
		}
	}
	return nil
}
