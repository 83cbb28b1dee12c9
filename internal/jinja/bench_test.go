package jinja

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// benchVars are those of a cluster of n hosts.
func benchVars(n int) *value.Dict {
	hosts := &value.Dict{}
	var names []any
	for i := range n {
		name := "etcd" + strconv.Itoa(i)
		names = append(names, name)
		hosts.Set(name, value.NewDict("ip", "10.0.0."+strconv.Itoa(i), "port", 2380))
	}
	return value.NewDict("hostvars", hosts, "groups", value.NewDict("etcd", names), "name", "etcd0", "enabled", true, "count", n)
}

func BenchmarkTemplates(b *testing.B) {
	env := &Env{Vars: dictVars{benchVars(5)}}
	for _, c := range []struct{ name, text string }{
		{"constant", "a plain string without any template"},
		{"variable", "{{ name }}"},
		{"text", "/etc/etcd/{{ name }}.conf"},
		{"default", "{{ nope | default('x') }}"},
		{"access", "{{ hostvars[name].ip }}"},
		{"condition", "{{ enabled and count > 3 and name in groups['etcd'] }}"},
		{"cluster", "{% for h in groups['etcd'] %}{{ h }}=https://{{ hostvars[h]['ip'] }}:2380{{ ',' if not loop.last else '' }}{% endfor %}"},
		{"map", "{{ groups['etcd'] | map('extract', hostvars, 'ip') | map('regex_replace', '^(.*)$', 'https://\\1:2379') | join(',') }}"},
	} {
		b.Run("compile/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Compile(c.text, source.Pos{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		tmpl, err := Compile(c.text, source.Pos{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run("eval/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tmpl.Eval(context.Background(), env); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFile renders a configuration file of a thousand lines.
func BenchmarkFile(b *testing.B) {
	text := strings.Repeat("# a comment in the file\nkey = {{ name }}\n{% if enabled %}\nport = {{ hostvars[name].port + 1 }}\n{% endif %}\n", 200)
	tmpl, err := CompileText(text, source.Pos{}, TextOptions{TrimBlocks: true})
	if err != nil {
		b.Fatal(err)
	}
	env := &Env{Vars: dictVars{benchVars(5)}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tmpl.Text(context.Background(), env); err != nil {
			b.Fatal(err)
		}
	}
}
