package main

import (
	"bytes"
	"os"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
)

type decryptFunc = func([]byte, source.Pos) ([]byte, error)

// readExtra reads -e: K=V words are strings, a mapping and @FILE are typed.
func readExtra(args []string, decrypt decryptFunc) ([]playbooks.Var, error) {
	var vars []playbooks.Var
	var errs source.Errors
	for _, a := range args {
		at := source.Pos{File: "-e " + a}
		switch {
		case strings.HasPrefix(a, "@"):
			name := a[1:]
			text, err := os.ReadFile(name)
			if err != nil {
				errs.Add(source.Errorf(source.Pos{File: "-e"}, "%w", err))
				continue
			}
			at = source.Pos{File: name}
			if bytes.HasPrefix(text, []byte("$ANSIBLE_VAULT;")) && decrypt != nil {
				if text, err = decrypt(text, at); err != nil {
					errs.Add(err)
					continue
				}
			}
			vars = append(vars, mapping(text, at, decrypt, &errs)...)
		case strings.HasPrefix(strings.TrimSpace(a), "{") || strings.HasPrefix(strings.TrimSpace(a), "["):
			vars = append(vars, mapping([]byte(a), at, decrypt, &errs)...)
		default:
			pairs, err := playbooks.SplitKV(a)
			if err != nil || pairs.Len() == 0 {
				errs.Add(source.Errorf(at, "this is neither NAME=VALUE nor a mapping nor @FILE"))
				continue
			}
			for k, v := range pairs.All() {
				vars = append(vars, extraVar(value.Str(k), v, at, &errs))
			}
		}
	}
	return vars, errs.Err()
}

func mapping(text []byte, at source.Pos, decrypt decryptFunc, errs *source.Errors) []playbooks.Var {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		errs.Add(source.Errorf(at, "%w", err))
		return nil
	}
	if len(doc.Content) == 0 {
		return nil
	}
	v, err := value.FromYAML(doc.Content[0], value.YAMLOptions{File: at.File, Decrypt: decrypt})
	if err != nil {
		errs.Add(err)
		return nil
	}
	d, ok := v.(*value.Dict)
	if !ok {
		errs.Add(source.Errorf(at, "the variables must be a mapping"))
		return nil
	}
	var vars []playbooks.Var
	for k, v := range d.All() {
		vars = append(vars, extraVar(value.Str(k), v, at, errs))
	}
	return vars
}

func extraVar(name string, v any, at source.Pos, errs *source.Errors) playbooks.Var {
	val, err := playbooks.NewValue(v, at)
	errs.Add(err)
	return playbooks.Var{Name: name, Value: val}
}
