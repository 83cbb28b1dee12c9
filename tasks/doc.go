package tasks

import (
	"fmt"
	"strings"
)

// Markdown is a task's page of documentation.
func Markdown(name string, m Documented) string {
	var b strings.Builder
	doc := m.Doc()
	fmt.Fprintf(&b, "# %s\n\n%s.\n\n%s\n", name, doc.Summary, strings.TrimSpace(doc.Text))
	if args := flatArgs(Args(m), ""); len(args) > 0 {
		b.WriteString("\n## Arguments\n\n| name | type | default | |\n|---|---|---|---|\n")
		for _, a := range args {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", a.Name, a.Type, mdDefault(a), mdCell(argNotes(a)))
		}
	}
	if f := FreeForm(m); f != "" {
		fmt.Fprintf(&b, "\n`%s: some text` gives the text as `%s`.\n", name, f)
	}
	fmt.Fprintf(&b, "\n## Order\n\n%s\n", orderText(m))
	fmt.Fprintf(&b, "\n## Check mode\n\n%s\n", checkText(doc))
	if len(doc.Returns) > 0 {
		b.WriteString("\n## What register sees\n\nBeside `changed`, `failed` and `msg`:\n\n| name | |\n|---|---|\n")
		for _, r := range doc.Returns {
			fmt.Fprintf(&b, "| `%s` | %s |\n", r.Name, mdCell(r.Doc))
		}
	}
	if doc.Examples != "" {
		fmt.Fprintf(&b, "\n## Examples\n\n```yaml\n%s\n```\n", strings.TrimRight(doc.Examples, "\n"))
	}
	return b.String()
}

// Plain is the same for a terminal of 80 columns.
func Plain(name string, m Documented) string {
	var b strings.Builder
	doc := m.Doc()
	fmt.Fprintf(&b, "%s: %s\n", name, doc.Summary)
	if text := strings.TrimSpace(doc.Text); text != "" {
		b.WriteString("\n" + text + "\n")
	}
	if args := flatArgs(Args(m), ""); len(args) > 0 {
		b.WriteString("\nARGUMENTS\n")
		for _, a := range args {
			b.WriteString(wrap(fmt.Sprintf("%s (%s%s)", a.Name, a.Type, plainDefault(a)), "  ", 78))
			b.WriteString(wrap(argNotes(a), "      ", 78))
		}
	}
	if f := FreeForm(m); f != "" {
		fmt.Fprintf(&b, "\n  \"%s: some text\" gives the text as %s.\n", name, f)
	}
	fmt.Fprintf(&b, "\nORDER\n%s\nCHECK MODE\n%s", wrap(orderText(m), "  ", 78), wrap(checkText(doc), "  ", 78))
	if len(doc.Returns) > 0 {
		b.WriteString("\nWHAT REGISTER SEES, beside changed, failed and msg\n")
		for _, r := range doc.Returns {
			b.WriteString(wrap(r.Name+": "+r.Doc, "  ", 78))
		}
	}
	if doc.Examples != "" {
		b.WriteString("\nEXAMPLES\n")
		for line := range strings.Lines(strings.TrimRight(doc.Examples, "\n") + "\n") {
			if line != "\n" {
				b.WriteString("  ")
			}
			b.WriteString(line)
		}
	}
	return b.String()
}

// flatArgs lists nested arguments behind the one they belong to, as sub.name
// or list[].name.
func flatArgs(args []Arg, prefix string) []Arg {
	var out []Arg
	for _, a := range args {
		a.Name = prefix + a.Name
		out = append(out, a)
		sep := "."
		if strings.HasPrefix(a.Type, "list") {
			sep = "[]."
		}
		out = append(out, flatArgs(a.Elem, a.Name+sep)...)
	}
	return out
}

func argNotes(a Arg) string {
	parts := []string{a.Doc + "."}
	if a.Required {
		parts = append(parts, "Required.")
	}
	if len(a.Choices) > 0 {
		parts = append(parts, "One of "+strings.Join(a.Choices, ", ")+".")
	}
	if len(a.Aliases) > 0 {
		parts = append(parts, "Also written "+strings.Join(a.Aliases, ", ")+".")
	}
	if a.Secret {
		parts = append(parts, "Never shown.")
	}
	return strings.Join(parts, " ")
}

func orderText(m any) string {
	o, ok := m.(Orderer)
	if !ok {
		return "On all hosts at once, as many as --forks allows."
	}
	switch o.Order() {
	case Sequential:
		return "On one host after another, and on none after a failure."
	case Once:
		return "On one host, for all of them."
	default:
		return "On all hosts at once, as many as --forks allows."
	}
}

func checkText(d Doc) string {
	if d.Check == "" {
		return "Changes nothing and says exactly what a run would change."
	}
	return "Changes nothing. " + d.Check
}

func mdDefault(a Arg) string {
	if a.Default == "" {
		return ""
	}
	return "`" + a.Default + "`"
}

func plainDefault(a Arg) string {
	if a.Default == "" {
		return ""
	}
	return ", default " + a.Default
}

func mdCell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s)
}

// wrap breaks text into lines of at most width columns, all indented.
func wrap(text, indent string, width int) string {
	var b strings.Builder
	line := indent
	for _, word := range strings.Fields(text) {
		if len(line) > len(indent) && len(line)+1+len(word) > width {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		if len(line) > len(indent) {
			line += " "
		}
		line += word
	}
	if len(line) > len(indent) {
		b.WriteString(line + "\n")
	}
	return b.String()
}
