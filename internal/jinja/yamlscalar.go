package jinja

import (
	"regexp"
	"strings"
)

// yamlAnalysis says in which styles a text can be written.
type yamlAnalysis struct {
	multiline, flowPlain, blockPlain, single bool
}

// analyzeYAML applies the rules of YAML 1.1 for plain and quoted scalars, as
// libyaml reads them.
func analyzeYAML(s string) yamlAnalysis {
	if s == "" {
		return yamlAnalysis{blockPlain: true, single: true}
	}
	var flow, block, special, breakSpace, spaceBreak, edge, breaks bool
	if strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
		flow, block = true, true
	}
	runes := []rune(s)
	white := func(i int) bool {
		return i < 0 || i >= len(runes) || strings.ContainsRune("\x00 \t\r\n\u0085\u2028\u2029", runes[i])
	}
	for i, r := range runes {
		first := i == 0
		switch {
		case first && strings.ContainsRune("#,[]{}&*!|>'\"%@`", r):
			flow, block = true, true
		case first && (r == '?' || r == ':'):
			flow = true
			block = block || white(i+1)
		case first && r == '-' && white(i+1):
			flow, block = true, true
		case !first && strings.ContainsRune(",?[]{}", r):
			flow = true
		case !first && r == ':':
			flow = true
			block = block || white(i+1)
		case !first && r == '#' && white(i-1):
			flow, block = true, true
		}
		if !printableYAML(r) {
			special = true
		}
		isBreak := isYAMLBreak(r)
		breaks = breaks || isBreak
		if (r == ' ' || isBreak) && (first || i == len(runes)-1) {
			edge = true
		}
		if !first {
			previous := runes[i-1]
			breakSpace = breakSpace || r == ' ' && isYAMLBreak(previous)
			spaceBreak = spaceBreak || isBreak && previous == ' '
		}
	}
	a := yamlAnalysis{multiline: breaks, flowPlain: true, blockPlain: true, single: true}
	if edge || breakSpace || spaceBreak || special || breaks {
		a.flowPlain, a.blockPlain = false, false
	}
	if breakSpace || spaceBreak || special {
		a.single = false
	}
	a.flowPlain = a.flowPlain && !flow
	a.blockPlain = a.blockPlain && !block
	return a
}

// otherYAML matches text that YAML 1.1 takes for something else than text
// when it has no quotes: https://yaml.org/type/
var otherYAML = regexp.MustCompile(`^(?:` + strings.Join([]string{
	`~|null|Null|NULL|<<|=|`,
	`yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF`,
	`[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+`,
	`[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?`,
	`[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)`,
	`[0-9]{4}-[0-9]{2}-[0-9]{2}`,
	`[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?`,
}, "|") + `)$`)

func resolvesToOther(s string) bool {
	if s == "" {
		return true
	}
	// Only these can begin such a text.
	if strings.IndexByte("~nNyYtTfFoO<=-+.0123456789", s[0]) < 0 {
		return false
	}
	return otherYAML.MatchString(s)
}
