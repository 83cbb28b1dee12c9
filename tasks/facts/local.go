package facts

import (
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// local reads the facts that a host's owner keeps in fact_path: JSON, or
// sections of name=value lines.
func local(raw Raw, d *value.Dict) {
	var names []string
	for key := range raw {
		if name, ok := strings.CutPrefix(key, "local."); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	all := dict()
	for _, name := range names {
		state, text, _ := strings.Cut(raw["local."+name], "\n")
		switch {
		case state == "unreadable":
			all.Set(name, "error loading facts from "+name+".fact: "+text)
		case state != "ok":
			all.Set(name, "Failure executing fact script ("+name+".fact), "+state+": "+text)
		default:
			all.Set(name, localFact(name, text))
		}
	}
	d.Set("local", all)
}

func localFact(name, text string) any {
	if v, err := value.DecodeJSON([]byte(text)); err == nil {
		return v
	}
	if v, ok := iniFact(text); ok {
		return v
	}
	return "error loading facts as JSON or ini - please check content: " + name + ".fact"
}

// iniFact reads sections as Python's configparser does: names in lower case,
// = or :, values go on in lines that are indented.
func iniFact(text string) (*value.Dict, bool) {
	all := dict()
	var section *value.Dict
	last := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
		case trimmed[0] == '[' && strings.HasSuffix(trimmed, "]"):
			section, last = dict(), ""
			all.Set(trimmed[1:len(trimmed)-1], section)
		case section == nil:
			return nil, false
		case (line[0] == ' ' || line[0] == '\t') && last != "":
			old, _ := section.Get(last)
			section.Set(last, value.Str(old)+"\n"+trimmed)
		default:
			at := strings.IndexAny(trimmed, "=:")
			if at < 1 {
				return nil, false
			}
			last = strings.ToLower(strings.TrimSpace(trimmed[:at]))
			section.Set(last, strings.TrimSpace(trimmed[at+1:]))
		}
	}
	return all, all.Len() > 0
}
