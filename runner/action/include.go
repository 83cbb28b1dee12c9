package action

import (
	"context"
	"path/filepath"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// IncludeTasks runs the tasks of a file, chosen while the play runs.
type IncludeTasks struct {
	File  string      `arg:"file,required,freeform" doc:"The file, relative to this one"`
	Apply *value.Dict `arg:"apply" doc:"Keywords (tags, become, when…) for all its tasks"`
}

// Doc describes the task.
func (IncludeTasks) Doc() tasks.Doc {
	return tasks.Doc{
		Summary:  "Run the tasks of another file, chosen at run time",
		Examples: "- include_tasks: \"{{ ansible_os_family }}.yml\"\n",
	}
}

// Flow: the runner carries it out.
func (IncludeTasks) Flow() {}

// Run is never called.
func (IncludeTasks) Run(context.Context, Run) (tasks.Result, error) { return tasks.Result{}, nil }

// ImportTasks is resolved before the run.
type ImportTasks struct {
	File string `arg:"file,required,freeform" doc:"The file, relative to this one; no templates"`
}

// Doc describes the task.
func (ImportTasks) Doc() tasks.Doc {
	return tasks.Doc{Summary: "Put the tasks of another file here, before the run", Examples: "- import_tasks: users.yml\n"}
}

// Flow: the parser resolves it.
func (ImportTasks) Flow() {}

// Run is never called.
func (ImportTasks) Run(context.Context, Run) (tasks.Result, error) { return tasks.Result{}, nil }

// IncludeRole runs a role, chosen while the play runs.
type IncludeRole struct {
	Name             string      `arg:"name,required" doc:"The role"`
	TasksFrom        string      `arg:"tasks_from" default:"main" doc:"The file in its tasks folder"`
	VarsFrom         string      `arg:"vars_from" default:"main" doc:"The file in its vars folder"`
	DefaultsFrom     string      `arg:"defaults_from" default:"main" doc:"The file in its defaults folder"`
	HandlersFrom     string      `arg:"handlers_from" default:"main" doc:"The file in its handlers folder"`
	Public           bool        `arg:"public" doc:"Let its vars and defaults be seen by later tasks"`
	AllowDuplicates  bool        `arg:"allow_duplicates" default:"true" doc:"Run it again if it ran before"`
	RolespecValidate bool        `arg:"rolespec_validate" default:"true" doc:"Accepted, without effect"`
	Apply            *value.Dict `arg:"apply" doc:"Keywords (tags, become, when…) for all its tasks"`
}

// Doc describes the task.
func (IncludeRole) Doc() tasks.Doc {
	return tasks.Doc{Summary: "Run a role, chosen at run time", Examples: "- include_role:\n    name: etcd\n    tasks_from: backup\n"}
}

// Flow: the runner carries it out.
func (IncludeRole) Flow() {}

// Run is never called.
func (IncludeRole) Run(context.Context, Run) (tasks.Result, error) { return tasks.Result{}, nil }

// ImportRole is resolved before the run.
type ImportRole struct {
	Name             string `arg:"name,required" doc:"The role; no templates"`
	TasksFrom        string `arg:"tasks_from" default:"main" doc:"The file in its tasks folder"`
	VarsFrom         string `arg:"vars_from" default:"main" doc:"The file in its vars folder"`
	DefaultsFrom     string `arg:"defaults_from" default:"main" doc:"The file in its defaults folder"`
	HandlersFrom     string `arg:"handlers_from" default:"main" doc:"The file in its handlers folder"`
	AllowDuplicates  bool   `arg:"allow_duplicates" default:"true" doc:"Run it again if it ran before"`
	RolespecValidate bool   `arg:"rolespec_validate" default:"true" doc:"Accepted, without effect"`
}

// Doc describes the task.
func (ImportRole) Doc() tasks.Doc {
	return tasks.Doc{Summary: "Put the tasks of a role here, before the run", Examples: "- import_role:\n    name: etcd\n"}
}

// Flow: the parser resolves it.
func (ImportRole) Flow() {}

// Run is never called.
func (ImportRole) Run(context.Context, Run) (tasks.Result, error) { return tasks.Result{}, nil }

// IncludeVars reads variables from files while the play runs.
type IncludeVars struct {
	File          string   `arg:"file,freeform" doc:"A file, relative to the role's vars folder or this file"`
	Dir           string   `arg:"dir" doc:"A folder: all its .yml, .yaml and .json files, sorted"`
	Name          string   `arg:"name" doc:"Put them into a dict of this name"`
	Extensions    []string `arg:"extensions" default:"yaml,yml,json" split:"," doc:"Endings to read from dir"`
	IgnoreUnknown bool     `arg:"ignore_unknown_extensions" doc:"Skip files with other endings"`
}

// Doc describes the task.
func (IncludeVars) Doc() tasks.Doc {
	return tasks.Doc{Summary: "Read variables from files at run time", Examples: "- include_vars: \"{{ ansible_os_family }}.yml\"\n"}
}

// Validate wants a file or a folder.
func (i *IncludeVars) Validate() error {
	if (i.File == "") == (i.Dir == "") {
		return tasks.Failf("give either file or dir")
	}
	return nil
}

// Run reads them.
func (i *IncludeVars) Run(ctx context.Context, r Run) (tasks.Result, error) {
	names := []string{i.File}
	if i.Dir != "" {
		dir, err := r.VarFiles(i.Dir)
		if err != nil {
			return tasks.Result{}, err
		}
		names = nil
		for _, ext := range i.Extensions {
			found, err := filepath.Glob(filepath.Join(dir, "*."+ext))
			if err != nil {
				return tasks.Result{}, err
			}
			names = append(names, found...)
		}
	}
	all := value.NewDict()
	files := []any{}
	for _, n := range names {
		vars, err := r.ReadVars(ctx, n)
		if err != nil {
			return tasks.Result{}, err
		}
		files = append(files, n)
		for k, v := range vars.All() {
			all.Set(k, v)
		}
	}
	if i.Name != "" {
		all = value.NewDict(i.Name, all)
	}
	r.IncludeVars(all)
	res := tasks.Result{}
	res.Set("ansible_facts", all)
	res.Set("ansible_included_var_files", files)
	return res, nil
}
