package tasks

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
)

// Arg describes one argument of a module, as the tags of its field say:
//
//	Path []string `arg:"path,required" alias:"dest,name" default:"/x" choices:"a,b" split:"," doc:"One line, no full stop"`
//
// After the name in `arg` may follow: required, secret (never shown), freeform
// (takes the text of `command: echo hi`), preserve (a Mode that may also be
// the word preserve). A *value.Dict field named "*" takes all other arguments.
type Arg struct {
	Name, Type, Doc  string
	Default          string // as a user would write it, or ""
	Required, Secret bool
	Choices, Aliases []string
	Elem             []Arg // of a nested struct, or of the elements of a list of them

	freeform, preserve bool
	split              string
	index              []int // of the field, for reflect
}

// Args lists the arguments of a module (or of anything else whose fields carry
// these tags) in the order of its fields; those of embedded structs stand
// where these are embedded.
func Args(spec any) []Arg {
	return structArgs(structType(spec))
}

// FreeForm is the name of the argument that takes `command: echo hi`, or "".
func FreeForm(spec any) string {
	for _, a := range Args(spec) {
		if a.freeform {
			return a.Name
		}
	}
	return ""
}

// ArgNames lists what a user may write, aliases among them, sorted.
func ArgNames(spec any) []string {
	var names []string
	for _, a := range Args(spec) {
		names = append(append(names, a.Name), a.Aliases...)
	}
	slices.Sort(names)
	return names
}

func structType(spec any) reflect.Type {
	t := reflect.TypeOf(spec)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// knownArgs holds what structArgs found: a []Arg for each reflect.Type. What a
// type says never changes, and each task on each host asks.
var knownArgs sync.Map

// structArgs lists the arguments of a struct type. The list is shared.
func structArgs(t reflect.Type) []Arg {
	if known, ok := knownArgs.Load(t); ok {
		return known.([]Arg)
	}
	args := readArgs(t)
	knownArgs.Store(t, args)
	return args
}

func readArgs(t reflect.Type) []Arg {
	var args []Arg
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			for _, a := range structArgs(f.Type) {
				a.index = append([]int{i}, a.index...)
				args = append(args, a)
			}
			continue
		}
		if tag, ok := f.Tag.Lookup("arg"); ok {
			args = append(args, fieldArg(f, tag, i))
		}
	}
	return args
}

func fieldArg(f reflect.StructField, tag string, i int) Arg {
	name, opts, _ := strings.Cut(tag, ",")
	a := Arg{
		Name: name, Type: typeName(f.Type), Doc: f.Tag.Get("doc"), Default: f.Tag.Get("default"),
		Choices: splitList(f.Tag.Get("choices")), Aliases: splitList(f.Tag.Get("alias")),
		split: f.Tag.Get("split"), index: []int{i},
	}
	for _, opt := range splitList(opts) {
		switch opt {
		case "required":
			a.Required = true
		case "secret":
			a.Secret = true
		case "freeform":
			a.freeform = true
		case "preserve":
			a.preserve = true
		default:
			panic("tasks: field " + f.Name + ": unknown option " + opt)
		}
	}
	if elem := elemStruct(f.Type); elem != nil {
		a.Elem = structArgs(elem)
	}
	return a
}

func splitList(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

var (
	modeType     = reflect.TypeFor[Mode]()
	durationType = reflect.TypeFor[time.Duration]()
	dictType     = reflect.TypeFor[*value.Dict]()
)

// typeName is the type in a user's words.
func typeName(t reflect.Type) string {
	switch {
	case t == modeType:
		return "mode"
	case t == durationType:
		return "duration"
	case t == dictType:
		return "dict"
	case t.Kind() == reflect.Pointer:
		return typeName(t.Elem())
	case t.Kind() == reflect.Slice && elemStruct(t) != nil:
		return "list of dicts"
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "bool"
	case reflect.Int:
		return "int"
	case reflect.Float64:
		return "float"
	case reflect.Slice:
		return "list"
	case reflect.Map, reflect.Struct:
		return "dict"
	case reflect.Interface:
		return "any"
	}
	panic("tasks: no argument can have the type " + t.String())
}

// elemStruct is the struct that t is, points to or lists, or nil.
func elemStruct(t reflect.Type) reflect.Type {
	if t == dictType {
		return nil
	}
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct {
		return t
	}
	return nil
}
