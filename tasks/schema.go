package tasks

// Schema is a JSON schema (draft 2020-12) of one task's arguments, for editors:
// an object with one property an argument. Every property may also be a text
// with a template in it.
func Schema(m Module) map[string]any {
	s := objectSchema(Args(m))
	s["description"] = m.Doc().Summary
	return s
}

func objectSchema(args []Arg) map[string]any {
	props := map[string]any{}
	var required []any
	for _, a := range args {
		p := argSchema(a)
		for _, n := range append([]string{a.Name}, a.Aliases...) {
			props[n] = p
		}
		switch {
		case a.Required && len(a.Aliases) == 0:
			required = append(required, a.Name)
		case a.Required:
			// any one of its names will do; that is checked when the playbook is read
		}
	}
	s := map[string]any{"type": "object", "properties": props, "additionalProperties": false}
	if required != nil {
		s["required"] = required
	}
	return s
}

func argSchema(a Arg) map[string]any {
	s := map[string]any{"description": a.Doc}
	if a.Default != "" {
		s["default"] = a.Default
	}
	template := map[string]any{"type": "string", "pattern": `\{[{%]`}
	switch a.Type {
	case "bool":
		s["anyOf"] = []any{map[string]any{"type": "boolean"}, map[string]any{"enum": []any{"yes", "no", "on", "off", "true", "false"}}, template}
	case "int":
		s["anyOf"] = []any{map[string]any{"type": "integer"}, map[string]any{"type": "string", "pattern": `^\s*-?[0-9]+\s*$`}, template}
	case "float":
		s["type"] = []any{"number", "string"}
	case "list":
		s["type"] = []any{"array", "string", "number", "boolean"}
	case "list of dicts":
		s["anyOf"] = []any{map[string]any{"type": "array", "items": objectSchema(a.Elem)}, objectSchema(a.Elem), template}
	case "dict":
		object := map[string]any{"type": "object"}
		if a.Elem != nil {
			object = objectSchema(a.Elem)
		}
		s["anyOf"] = []any{object, template}
	case "string":
		if len(a.Choices) == 0 {
			s["type"] = []any{"string", "number", "boolean"}
			break
		}
		choices := make([]any, len(a.Choices))
		for i, c := range a.Choices {
			choices[i] = c
		}
		s["anyOf"] = []any{map[string]any{"enum": choices}, template}
	case "mode", "duration":
		s["type"] = []any{"string", "number"}
	}
	return s
}
