package jinja

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

func lookupFile(c *call) (any, error) {
	left, right := c.bool(0, false), c.bool(1, true)
	return c.collect(func(word string) (any, error) {
		path, err := c.st.find("files", word)
		if err != nil {
			return nil, err
		}
		s, err := c.st.read(path)
		if left {
			s = strings.TrimLeftFunc(s, unicode.IsSpace)
		}
		if right {
			s = strings.TrimRightFunc(s, unicode.IsSpace)
		}
		return s, err
	})
}

func lookupTemplate(c *call) (any, error) {
	o := TextOptions{
		TrimBlocks: c.bool(7, true), LstripBlocks: c.bool(8, false),
		VariableStart: c.word(2, ""), VariableEnd: c.word(3, ""), CommentStart: c.word(4, ""), CommentEnd: c.word(5, ""),
	}
	extra := &value.Dict{}
	if c.given(1) {
		d, ok, err := c.st.mapping(c.args[1])
		if err != nil {
			return nil, err
		}
		if !ok {
			c.bad(1, "a dictionary")
		}
		extra = d
	}
	if c.err != nil {
		return nil, nil
	}
	return c.collect(func(word string) (any, error) {
		path, err := c.st.find("templates", word)
		if err != nil {
			return nil, err
		}
		src, err := c.st.read(path)
		if err != nil {
			return nil, err
		}
		t, err := CompileText(src, source.Pos{File: path, Line: 1, Col: 1}, o)
		if err != nil {
			return nil, err
		}
		return c.st.renderFile(t, path, word, extra)
	})
}

// renderFile renders a template with the variables of this Eval and those
// that describe the file.
func (st *state) renderFile(t *Template, path, name string, extra *value.Dict) (any, error) {
	if err := st.enter(); err != nil {
		return nil, err
	}
	defer st.leave()
	env := *st.env
	env.Dirs = append([]string{filepath.Dir(path)}, env.Dirs...)
	savedEnv, savedFrame := st.env, st.frame
	st.env = &env
	st.frame = &frame{}
	defer func() { st.env, st.frame = savedEnv, savedFrame }()
	for k, v := range TemplateVars(name, path, "", st.now()).All() {
		st.frame.set(value.Str(k), v)
	}
	for k, v := range extra.All() {
		st.frame.set(value.Str(k), v)
	}
	s, err := st.capture(t.body)
	if err != nil {
		return nil, err
	}
	return t.restoreNewlines(s), nil
}

// TemplateVars are the variables that a template file can use about itself:
// name is as the user wrote it, path where it was found, dest where the
// result goes ("" if nowhere). Two of them are dates, which only templates
// understand.
func TemplateVars(name, path, dest string, now time.Time) *value.Dict {
	host, _ := os.Hostname()
	uid, mtime := "", now
	if info, err := os.Stat(path); err == nil {
		mtime = info.ModTime()
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			uid = strconv.Itoa(int(st.Uid))
			if u, err := user.LookupId(uid); err == nil {
				uid = u.Username
			}
		}
	}
	var destPath any
	if dest != "" {
		destPath = dest
	}
	full, err := filepath.Abs(path)
	if err != nil {
		full = path
	}
	return value.NewDict(
		"template_host", host, "template_path", name, "template_fullpath", full, "template_uid", uid,
		"template_mtime", &datetime{t: mtime}, "template_run_date", &datetime{t: now}, "template_destpath", destPath,
		"ansible_managed", "Ansible managed",
	)
}

func lookupFileglob(c *call) (any, error) {
	var out []string
	for _, word := range c.words() {
		for _, pattern := range c.st.candidates("files", word) {
			found, err := filepath.Glob(pattern)
			if err != nil {
				return nil, fmt.Errorf("%s is no pattern of file names", brief(word))
			}
			if found = onlyFiles(found); len(found) > 0 {
				for _, f := range found {
					if abs, err := filepath.Abs(f); err == nil {
						f = abs
					}
					out = append(out, f)
				}
				break
			}
		}
	}
	return c.strings(out)
}

// lookupFirstFound takes names, or dictionaries of files, paths and skip.
func lookupFirstFound(c *call) (any, error) {
	s := firstFound{c: c, skip: c.bool(2, false)}
	files, paths := c.arg(0, nil), c.arg(1, nil)
	if err := s.add(c.rest, files, paths); err != nil {
		return nil, err
	}
	if len(c.rest) == 0 {
		s.options(files, paths, nil)
	}
	if c.err != nil {
		return nil, nil
	}
	choices := make([]any, len(s.names))
	for i, n := range s.names {
		choices[i] = n
	}
	path, err := c.st.find("files", choices...)
	if _, missing := err.(*notFoundError); missing {
		if s.skip {
			return []any{}, nil
		}
		return nil, &hinted{err.Error(), "with skip=true, finding none is no error"}
	}
	if err != nil {
		return nil, err
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return []any{path}, nil
}

type firstFound struct {
	c     *call
	names []string
	skip  bool
}

func (s *firstFound) add(terms []any, files, paths any) error {
	for _, t := range terms {
		if l, ok := sequence(t); ok {
			if err := s.add(l, files, paths); err != nil {
				return err
			}
			continue
		}
		d, ok, err := s.c.st.mapping(t)
		if err != nil {
			return err
		}
		if ok {
			get := func(key string) any { v, _ := d.Get(key); return v }
			for _, k := range stringKeys(d.Keys()) {
				if !oneOf(k, []string{"files", "paths", "skip"}) {
					return &hinted{"there is no option " + k, "there are: files, paths, skip"}
				}
			}
			if skip := get("skip"); skip != nil {
				if s.skip, err = s.c.st.truth(skip); err != nil {
					return err
				}
			}
			s.options(get("files"), get("paths"), nil)
			continue
		}
		name, ok := t.(string)
		if !ok {
			return fmt.Errorf("it wants names of files, not %s %s", article(t), brief(t))
		}
		s.options(files, paths, &name)
	}
	return nil
}

// options adds every file in every path; a name stands for itself if there
// are neither.
func (s *firstFound) options(files, paths any, name *string) {
	fs, ps := s.split(files, ",;"), s.split(paths, ",:;")
	switch {
	case len(ps) > 0:
		for _, p := range ps {
			for _, f := range fs {
				s.names = append(s.names, joinPath([]string{p, f}))
			}
			if len(fs) == 0 && name != nil {
				s.names = append(s.names, joinPath([]string{p, *name}))
			}
		}
	case len(fs) > 0:
		s.names = append(s.names, fs...)
	case name != nil:
		s.names = append(s.names, *name)
	}
}

func (s *firstFound) split(v any, seps string) []string {
	var out []string
	l, ok := sequence(v)
	if !ok && v != nil {
		l = []any{v}
	}
	for _, e := range l {
		for _, part := range strings.FieldsFunc(value.Str(e), func(r rune) bool { return strings.ContainsRune(seps, r) }) {
			out = append(out, strings.TrimSpace(part))
		}
	}
	return out
}
