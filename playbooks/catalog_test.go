package playbooks_test

import (
	"maps"
	"slices"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/tasks"
)

// catalog is a small set of tasks with arguments of every kind.
type catalog map[string]func() any

func (c catalog) Lookup(name string) (playbooks.Spec, bool) {
	f, ok := c[name]
	if !ok {
		return playbooks.Spec{}, false
	}
	return playbooks.SpecOf(f), true
}

func (c catalog) Names() []string { return slices.Sorted(maps.Keys(c)) }

var testCatalog = catalog{
	"debug": func() any {
		return &struct {
			Msg       any    `arg:"msg" doc:"Text"`
			Var       string `arg:"var" doc:"Expression"`
			Verbosity int    `arg:"verbosity" doc:"From"`
		}{}
	},
	"command": func() any { return &command{} },
	"shell":   func() any { return &command{} },
	"copy": func() any {
		return &struct {
			Src     string     `arg:"src" doc:"Local file"`
			Content any        `arg:"content" doc:"Text"`
			Dest    string     `arg:"dest,required" doc:"Remote file"`
			Mode    tasks.Mode `arg:"mode" doc:"Mode"`
			Backup  bool       `arg:"backup" doc:"Keep"`
			Force   bool       `arg:"force" default:"true" doc:"Overwrite"`
		}{}
	},
	"file": func() any {
		return &struct {
			Path    string     `arg:"path,required" alias:"dest,name" doc:"Path"`
			State   string     `arg:"state" choices:"file,directory,absent,touch" doc:"State"`
			Mode    tasks.Mode `arg:"mode" doc:"Mode"`
			Recurse bool       `arg:"recurse" doc:"All"`
		}{}
	},
	"mkdir": func() any { return &mkdir{} },
	"fail": func() any {
		return &struct {
			Msg string `arg:"msg" doc:"Why"`
		}{}
	},
	"assert": func() any {
		return &struct {
			That []any  `arg:"that,required" doc:"Conditions"`
			Msg  string `arg:"fail_msg" alias:"msg" doc:"Why"`
		}{}
	},
	"ping": func() any { return &struct{}{} },
	"meta": func() any {
		return &struct {
			What string `arg:"_raw,required,freeform" choices:"flush_handlers,end_host,end_play,noop" doc:"What"`
		}{}
	},
	"set_fact": func() any {
		return &struct {
			Cacheable bool        `arg:"cacheable" doc:"Keep"`
			Facts     *value.Dict `arg:"*" doc:"Facts"`
		}{}
	},
	"include_vars": func() any {
		return &struct {
			File string `arg:"file,freeform" doc:"File"`
			Name string `arg:"name" doc:"Name"`
		}{}
	},
	"include_tasks": func() any {
		return &struct {
			File  string      `arg:"file,required,freeform" doc:"File"`
			Apply *value.Dict `arg:"apply" doc:"Keywords"`
		}{}
	},
	"import_tasks": func() any {
		return &struct {
			File string `arg:"file,required,freeform" doc:"File"`
		}{}
	},
	"include_role": func() any { return &includeRole{} },
	"import_role":  func() any { return &includeRole{} },
	"async_status": func() any {
		return &struct {
			JID string `arg:"jid,required" doc:"Job"`
		}{}
	},
	"firewall": func() any {
		return &struct {
			Rules []rule `arg:"rules,required" doc:"What to open"`
			Peers bool   `arg:"peers" doc:"Peers too"`
		}{}
	},
	"fetch": func() any {
		return &struct {
			URL  string `arg:"url,required" doc:"Where from"`
			Dest string `arg:"dest,required" doc:"Where to"`
		}{}
	},
	"wait_for": func() any {
		return &struct {
			Port int `arg:"port" doc:"Port"`
		}{}
	},
}

type command struct {
	Cmd     string   `arg:"cmd,freeform" doc:"Command"`
	Argv    []string `arg:"argv" doc:"Words"`
	Creates string   `arg:"creates" doc:"File"`
	Chdir   string   `arg:"chdir" doc:"Folder"`
}

type mkdir struct {
	Path []string   `arg:"path,required" alias:"dest,name" doc:"Folders"`
	Mode tasks.Mode `arg:"mode" default:"0755" doc:"Mode"`
}

// Validate wants absolute paths.
func (m *mkdir) Validate() error {
	for _, p := range m.Path {
		if p == "" || p[0] != '/' {
			return &tasks.ArgError{Arg: "path", Msg: "path must be absolute", Hint: "begin it with /"}
		}
	}
	return nil
}

type rule struct {
	Port  int    `arg:"port,required" doc:"Port"`
	Proto string `arg:"proto" default:"tcp" choices:"tcp,udp" doc:"Protocol"`
}

type includeRole struct {
	Name         string      `arg:"name,required" doc:"Role"`
	TasksFrom    string      `arg:"tasks_from" doc:"File"`
	VarsFrom     string      `arg:"vars_from" doc:"File"`
	DefaultsFrom string      `arg:"defaults_from" doc:"File"`
	HandlersFrom string      `arg:"handlers_from" doc:"File"`
	Public       bool        `arg:"public" doc:"Seen"`
	Apply        *value.Dict `arg:"apply" doc:"Keywords"`
}
