package tasks

import (
	"fmt"
	"strings"
)

// Markdown is the page of a task for docs/tasks.
func Markdown(name string, m Documented) string {
	d := m.Doc()
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s.\n", name, d.Summary)
	if d.Text != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(d.Text))
	}
	if args := Args(m); len(args) > 0 {
		b.WriteString("\n## Arguments\n\n| name | type | default | what it is |\n|---|---|---|---|\n")
		markdownArgs(&b, "", args)
	}
	if d.Examples != "" {
		fmt.Fprintf(&b, "\n## Examples\n\n```yaml\n%s\n```\n", strings.TrimSpace(d.Examples))
	}
	if len(d.Returns) > 0 {
		b.WriteString("\n## What register sees\n\n| name | what it is |\n|---|---|\n")
		for _, r := range d.Returns {
			fmt.Fprintf(&b, "| `%s` | %s |\n", r.Name, cell(r.Doc))
		}
	}
	if d.Check != "" {
		fmt.Fprintf(&b, "\n## Check mode\n\n%s\n", strings.TrimSpace(d.Check))
	}
	b.WriteString("\n*This page is made from the task's code.*\n")
	return b.String()
}

func markdownArgs(b *strings.Builder, prefix string, args []Arg) {
	for _, a := range args {
		name := prefix + a.Name
		shown := "`" + name + "`"
		if a.Name == restArg {
			shown = "*any other*"
		}
		if len(a.Aliases) > 0 {
			shown += " (or `" + strings.Join(a.Aliases, "`, `") + "`)"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", shown, cell(a.typeText()), cell(a.defaultText()), cell(a.Doc))
		if len(a.Elem) > 0 {
			dot := "."
			if strings.HasPrefix(a.Type, "list") {
				dot = "[]."
			}
			markdownArgs(b, name+dot, a.Elem)
		}
	}
}

// typeText is the type with the words that a choice allows.
func (a Arg) typeText() string {
	if len(a.Choices) > 0 {
		return strings.Join(a.Choices, ", ")
	}
	return a.Type
}

func (a Arg) defaultText() string {
	switch {
	case a.Required:
		return "**required**"
	case a.Default != "":
		return "`" + a.Default + "`"
	}
	return ""
}

func cell(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "|", `\|`), "\n", " ")
}

// Plain is the page of a task for a terminal.
func Plain(name string, m Documented) string {
	d := m.Doc()
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", strings.ToUpper(name), d.Summary)
	if d.Text != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(d.Text))
	}
	if args := Args(m); len(args) > 0 {
		b.WriteString("\nARGUMENTS\n")
		plainArgs(&b, "  ", args)
	}
	if d.Examples != "" {
		b.WriteString("\nEXAMPLES\n")
		for l := range strings.SplitSeq(strings.TrimRight(d.Examples, "\n"), "\n") {
			b.WriteString("  " + l + "\n")
		}
	}
	if len(d.Returns) > 0 {
		b.WriteString("\nWHAT REGISTER SEES\n")
		for _, r := range d.Returns {
			fmt.Fprintf(&b, "  %-22s %s\n", r.Name, r.Doc)
		}
	}
	if d.Check != "" {
		fmt.Fprintf(&b, "\nCHECK MODE\n  %s\n", strings.ReplaceAll(strings.TrimSpace(d.Check), "\n", "\n  "))
	}
	return b.String()
}

func plainArgs(b *strings.Builder, indent string, args []Arg) {
	for _, a := range args {
		name := a.Name
		if name == restArg {
			name = "(any other)"
		}
		note := a.typeText()
		if a.Required {
			note += ", required"
		} else if a.Default != "" {
			note += ", default " + a.Default
		}
		if len(a.Aliases) > 0 {
			note += ", also " + strings.Join(a.Aliases, ", ")
		}
		fmt.Fprintf(b, "%s%s (%s)\n%s    %s\n", indent, name, note, indent, a.Doc)
		if len(a.Elem) > 0 {
			plainArgs(b, indent+"    ", a.Elem)
		}
	}
}
