package plays

// deviations are the recorded plays where this program means to differ from
// Ansible, and why; docs/ansible.md has the list for users.
var deviations = map[string]string{
	"02-handlers":           "meta tasks print no heading (Ansible 2.14 prints that of flush_handlers twice)",
	"12-loop-register":      "results have no `invocation`: the arguments stand in the playbook, and may be secret",
	"14-unreachable":        "the message names what was tried in our own words",
	"16-ignore-unreachable": "the message names what was tried in our own words",
	"17-when":               "a condition that does not parse is refused before anything connects; the message says file:line:column",
	"25-loops":              "a loop over a plain string is refused before anything connects; the message says file:line:column",
	"29-async":              "an ignored timeout of an async task does not fail the run (Ansible exits 2 with failed=0); the message has no async_result",
	"32-typing":             "text that looks like a list, dict or bool stays text, and a type is named as in Python, without Ansible's wrappers",
	"40-serial-unreach-aef": "an unreachable host counts as failed: any_errors_fatal ends the play",
	"42-mfp-serial-unreach": "an unreachable host counts as failed: max_fail_percentage ends the play",
}
