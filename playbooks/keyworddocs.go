package playbooks

// A keyword documents a word of the playbook language for editors and docs.
type keyword struct {
	name string
	kind string // boolean, integer, number, string, list, dict, any; words joined by "|"
	doc  string
}

// Keywords by where they can stand.
var (
	sharedDocs = []keyword{
		{"name", "string", "What it is for; shown when it runs"},
		{"vars", "dict|list", "Variables; templates in them are filled in when they are used"},
		{"tags", "string|list", "Words to choose by with --tags and --skip-tags; always and never are special"},
		{"become", "boolean", "Run as another user, root unless become_user says otherwise"},
		{"become_user", "string", "The user to become"},
		{"become_method", "string", "How to become: sudo, su or doas"},
		{"become_flags", "string", "More flags for it"},
		{"connection", "string", "ssh or local; smart and paramiko mean ssh"},
		{"remote_user", "string", "The user to log in as"},
		{"port", "integer", "The port of the SSH server"},
		{"environment", "dict|list|string", "Environment variables of the commands"},
		{"module_defaults", "dict|list", "Arguments that tasks of a name have unless they say otherwise"},
		{"ignore_errors", "boolean", "Go on when it fails"},
		{"ignore_unreachable", "boolean", "Go on when the host cannot be reached"},
		{"any_errors_fatal", "boolean", "A failure on one host ends the play on all of them"},
		{"run_once", "boolean", "Run on the first host only, for all of them"},
		{"no_log", "boolean", "Show nothing of the arguments and results"},
		{"check_mode", "boolean", "Only predict changes (true), or make them even under --check (false)"},
		{"diff", "boolean", "Show differences"},
		{"timeout", "number", "Seconds that a task may take"},
		{"throttle", "integer", "On how many hosts at once at most"},
		{"become_exe", "string", "Not supported"},
		{"collections", "list", "Accepted, without effect: all tasks are built in"},
		{"debugger", "string", "Not supported"},
	}
	innerDocs = []keyword{ // of roles, blocks and tasks
		{"when", "any", "Conditions, all of which must hold: expressions without {{ }}"},
		{"delegate_to", "string", "The host to run on instead"},
		{"delegate_facts", "boolean", "Facts belong to the host that it is delegated to"},
	}
	playDocs = []keyword{
		{"hosts", "string|list", "The hosts: a pattern such as etcd, all:!db or web*, or a list of them"},
		{"user", "string", "Old name of remote_user"},
		{"gather_facts", "boolean", "Ask the hosts for facts first"},
		{"gather_subset", "string|list", "Which facts to ask for"},
		{"gather_timeout", "number", "Accepted, without effect"},
		{"fact_path", "string", "Not supported"},
		{"serial", "integer|string|list", "Go through the hosts in batches: a number, a percentage, or a list of them"},
		{"max_fail_percentage", "number|string", "End the play when more than this part of a batch has failed"},
		{"strategy", "string", "linear: each task on all hosts before the next; free: each host on its own"},
		{"order", "string", "The order of the hosts: inventory, sorted, reverse_sorted, reverse_inventory or shuffle"},
		{"force_handlers", "boolean", "Run notified handlers even on hosts that have failed"},
		{"vars_files", "string|list", "Files of variables; of an inner list the first that exists"},
		{"vars_prompt", "list|dict", "Variables to ask the user for"},
		{"pre_tasks", "tasks", "Tasks before the roles"},
		{"roles", "roles", "Roles to run before the tasks"},
		{"tasks", "tasks", "The tasks"},
		{"post_tasks", "tasks", "Tasks after everything else"},
		{"handlers", "handlers", "Tasks that run when they are notified, once, at the end of a section"},
		{"import_playbook", "string", "A playbook whose plays stand here"},
	}
	blockDocs = []keyword{
		{"block", "tasks", "Tasks that belong together"},
		{"rescue", "tasks", "Tasks to run on hosts where the block has failed; they clear the failure"},
		{"always", "tasks", "Tasks to run in any case"},
		{"notify", "string|list", "Handlers to run if a task of the block changes something"},
	}
	taskDocs = []keyword{
		{"action", "string|dict", "The task with its arguments, in one value"},
		{"local_action", "string|dict", "As action, on the machine that etcdplay runs on"},
		{"args", "dict|string", "More arguments of the task"},
		{"loop", "list|string", "Run once for each element, which is called item"},
		{"loop_control", "dict", "loop_var, index_var, label, pause, extended"},
		{"register", "string", "The variable that takes the result"},
		{"until", "any", "Try again until these conditions hold"},
		{"retries", "integer", "How often to try again, 3 unless given"},
		{"delay", "number", "Seconds between tries, 5 unless given"},
		{"async", "integer", "Run in the background, for so many seconds at most"},
		{"poll", "integer", "Look after it every so many seconds; 0: do not wait for it"},
		{"changed_when", "any", "Conditions for the result to count as a change"},
		{"failed_when", "any", "Conditions for the result to count as a failure"},
		{"notify", "string|list", "Handlers to run if this changes something"},
		{"listen", "string|list", "Further names that a handler answers to"},
	}
	roleDocs = []keyword{{"role", "string", "The role's name, or its folder"}}
)

// The names of what can stand where.
var (
	sharedKeywords = keywordNames(sharedDocs)
	notOfPlays     = keywordNames(innerDocs)
	playKeywords   = keywordNames(sharedDocs, playDocs)
	roleKeywords   = keywordNames(sharedDocs, innerDocs, roleDocs)
	blockKeywords  = keywordNames(sharedDocs, innerDocs, blockDocs)
	taskKeywords   = keywordNames(sharedDocs, innerDocs, taskDocs)
)

func keywordNames(lists ...[]keyword) []string {
	var names []string
	for _, list := range lists {
		for _, k := range list {
			names = append(names, k.name)
		}
	}
	return names
}
