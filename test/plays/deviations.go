package plays

// deviations are the recorded plays where this program means to differ from
// Ansible, and why; docs/ansible.md has the list for users.
var deviations = map[string]string{}
