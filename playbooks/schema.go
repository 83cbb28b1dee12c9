package playbooks

import (
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// Schema is the JSON Schema (draft 7) of playbooks with the tasks of a
// catalog, for editors: completion, documentation and marks on mistakes. It is
// a *value.Dict, ready for JSON. Any scalar may be a template, so strings are
// allowed everywhere.
func Schema(c Catalog) any {
	obj := value.NewDict
	task := properties(sharedDocs, innerDocs, taskDocs)
	definitions := obj()
	names := c.Names()
	slices.Sort(names)
	for _, name := range names {
		spec, ok := c.Lookup(name)
		if !ok {
			continue
		}
		definitions.Set("args-"+name, argsSchema(spec))
		for _, key := range spellings(name) {
			task.Set(key, obj("$ref", "#/definitions/args-"+name))
		}
	}
	loops := obj("^with_("+strings.Join(loopKinds, "|")+")$", obj("description", "A loop: prefer loop"))
	taskSchema := obj("type", "object", "properties", task, "patternProperties", loops, "additionalProperties", false)
	definitions.Set("task", taskSchema)
	definitions.Set("block", object(properties(sharedDocs, innerDocs, blockDocs), "block"))
	definitions.Set("tasks", obj("type", []any{"array", "null"}, "items", obj(
		"if", obj("anyOf", []any{obj("required", []any{"block"}), obj("required", []any{"rescue"}), obj("required", []any{"always"})}),
		"then", obj("$ref", "#/definitions/block"),
		"else", obj("$ref", "#/definitions/task"),
	)))
	role := object(properties(sharedDocs, innerDocs, roleDocs), "")
	role.Set("additionalProperties", true) // parameters
	definitions.Set("roles", obj("type", []any{"array", "null"}, "items", obj("anyOf", []any{obj("type", "string"), role})))
	play := properties(sharedDocs, playDocs)
	play.Delete("import_playbook")
	definitions.Set("play", object(play, "hosts"))
	definitions.Set("import", object(obj(
		"import_playbook", obj("type", "string", "description", docOf("import_playbook")),
		"name", obj("type", "string"), "when", obj("description", docOf("when")), "tags", typed("string|list"), "vars", typed("dict"),
	), "import_playbook"))
	return obj(
		"$schema", "http://json-schema.org/draft-07/schema#",
		"title", "etcdplay playbook",
		"type", "array",
		"items", obj(
			"if", obj("required", []any{"import_playbook"}),
			"then", obj("$ref", "#/definitions/import"),
			"else", obj("$ref", "#/definitions/play"),
		),
		"definitions", definitions,
	)
}

// spellings are the names by which a playbook can call a task.
func spellings(name string) []string {
	if ours[name] || strings.Contains(name, ".") {
		return []string{name}
	}
	return []string{name, "ansible.builtin." + name, "ansible.legacy." + name}
}

func object(props *value.Dict, required string) *value.Dict {
	o := value.NewDict("type", "object", "properties", props, "additionalProperties", false)
	if required != "" {
		o.Set("required", []any{required})
	}
	return o
}

func properties(lists ...[]keyword) *value.Dict {
	props := value.NewDict()
	for _, list := range lists {
		for _, k := range list {
			s := typed(k.kind)
			s.Set("description", k.doc)
			props.Set(k.name, s)
		}
	}
	return props
}

func docOf(name string) string {
	for _, list := range [][]keyword{playDocs, innerDocs} {
		for _, k := range list {
			if k.name == name {
				return k.doc
			}
		}
	}
	return ""
}

// typed is the schema of a kind. Strings stand for templates, null for
// keywords that are there but empty.
func typed(kinds string) *value.Dict {
	switch kinds {
	case "any":
		return value.NewDict()
	case "tasks", "roles":
		return value.NewDict("$ref", "#/definitions/"+kinds)
	case "handlers":
		return value.NewDict("$ref", "#/definitions/tasks")
	}
	types := []any{"string", "null"}
	add := func(t string) {
		if !slices.Contains(types, any(t)) {
			types = append(types, t)
		}
	}
	for kind := range strings.SplitSeq(kinds, "|") {
		switch kind {
		case "list":
			add("array")
		case "dict":
			add("object")
		case "string": // 1.5 or true where a text is wanted become one
			add("number")
			add("boolean")
		default:
			add(kind)
		}
	}
	return value.NewDict("type", types)
}

func argsSchema(spec Spec) *value.Dict {
	o := nested(spec.Args)
	// A text is free form, or a=b; required arguments may come from elsewhere.
	o.Set("type", []any{"object", "string", "null"})
	o.Delete("required")
	if spec.FreeForm != "" {
		o.Set("type", []any{"object", "string", "number", "boolean", "null"})
	}
	if spec.Doc.Summary != "" {
		o.Set("description", spec.Doc.Summary)
	}
	return o
}

func nested(args []tasks.Arg) *value.Dict {
	props := value.NewDict()
	open := false
	var required []any
	for _, a := range args {
		if a.Name == "*" {
			open = true
			continue
		}
		s := argSchema(a)
		props.Set(a.Name, s)
		for _, alias := range a.Aliases {
			props.Set(alias, s)
		}
		if a.Required && len(a.Aliases) == 0 {
			required = append(required, a.Name)
		}
	}
	o := value.NewDict("type", "object", "properties", props, "additionalProperties", open)
	if len(required) > 0 {
		o.Set("required", required)
	}
	return o
}

func argSchema(a tasks.Arg) *value.Dict {
	kinds := map[string]string{
		"string": "string", "bool": "boolean|integer", "int": "integer", "float": "number", "list": "list|number|boolean|dict",
		"list of dicts": "list|dict", "dict": "dict", "mode": "integer", "duration": "number", "any": "any",
	}
	s := typed(kinds[a.Type])
	switch {
	case len(a.Elem) > 0 && a.Type == "dict":
		s = value.NewDict("anyOf", []any{value.NewDict("type", "string"), nested(a.Elem)})
	case len(a.Elem) > 0:
		elem := value.NewDict("anyOf", []any{value.NewDict("type", "string"), nested(a.Elem)})
		s = value.NewDict("anyOf", []any{elem, value.NewDict("type", "array", "items", elem)})
	case len(a.Choices) > 0 && a.Type == "string":
		choices := make([]any, len(a.Choices))
		for i, c := range a.Choices {
			choices[i] = c
		}
		s = value.NewDict("anyOf", []any{
			value.NewDict("enum", choices),
			value.NewDict("type", "string", "pattern", `\{[{%]`),
		})
	}
	doc := a.Doc
	if a.Required {
		doc += " (required)"
	}
	if doc != "" {
		s.Set("description", doc)
	}
	if a.Default != "" {
		s.Set("default", a.Default)
	}
	return s
}
