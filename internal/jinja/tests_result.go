package jinja

import (
	"fmt"

	"github.com/etcdplay/etcdplay/internal/value"
)

// resultTests look at what a task registered.
func resultTests() map[string]function {
	m := map[string]function{}
	flag := func(key string, want bool, names ...string) {
		for _, name := range names {
			m[name] = function{fn: func(c *call) (any, error) {
				d, err := c.result()
				if err != nil {
					return nil, err
				}
				v, _ := d.Get(key)
				ok, err := c.st.truth(v)
				return ok == want, err
			}}
		}
	}
	flag("failed", true, "failed", "failure")
	flag("failed", false, "succeeded", "success", "successful")
	flag("unreachable", true, "unreachable")
	flag("unreachable", false, "reachable")
	flag("skipped", true, "skipped", "skip")
	flag("timedout", true, "timedout")
	for _, name := range []string{"changed", "change"} {
		m[name] = function{fn: testChanged}
	}
	for _, name := range []string{"finished", "started"} {
		m[name] = function{fn: func(c *call) (any, error) {
			d, err := c.result()
			if err != nil {
				return nil, err
			}
			v, ok := d.Get(c.fn.name)
			if !ok { // not run in the background: it is over
				return true, nil
			}
			return c.st.compare("==", v, 1)
		}}
	}
	return m
}

// result is the tested value, which must be the result of a task.
func (c *call) result() (*value.Dict, error) {
	d, ok, err := c.st.mapping(c.in)
	if err == nil && !ok {
		err = &hinted{
			fmt.Sprintf("`is %s` asks about the result of a task, not about %s %s", c.fn.name, article(c.in), brief(c.in)),
			"use the variable that the task registered",
		}
	}
	return d, err
}

func testChanged(c *call) (any, error) {
	d, err := c.result()
	if err != nil {
		return nil, err
	}
	if v, ok := d.Get("changed"); ok {
		return c.st.truth(v)
	}
	results, _ := d.Get("results")
	l, _ := sequence(results)
	for _, r := range l {
		if one, ok := r.(*value.Dict); ok {
			v, _ := one.Get("changed")
			if ok, err := c.st.truth(v); err != nil || ok {
				return ok, err
			}
		}
	}
	return false, nil
}
