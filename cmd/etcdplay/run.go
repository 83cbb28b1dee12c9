package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fatih/color"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/inventory"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/runner"
	"github.com/etcdplay/etcdplay/runner/report"
)

// runOptions are the flags of `run`.
type runOptions struct {
	inventoryFlags
	connectionFlags
	vaultFlags

	extra      []string
	limit      string
	forks      int
	check      bool
	diff       bool
	tags, skip []string
	verbosity  int
	output     string
	timing     bool
	startAt    string
	step       bool
	timeout    time.Duration
	cacheDir   string
	listHosts  bool
	listTasks  bool
	listTags   bool
	syntax     bool
	flushCache bool
	profile    string
	prove      bool
	flags      *pflag.FlagSet // to tell a flag that is empty from one not given
}

func newRunCmd() *cobra.Command {
	o := &runOptions{}
	cmd := &cobra.Command{
		Use:   "run PLAYBOOK… -i INVENTORY…",
		Short: "Run playbooks against the hosts of an inventory",
		Long: `Run playbooks against the hosts of an inventory. A playbook that is no file is
looked up among the shipped ones (site.yml, local.yml, …).`,
		Args: somePlaybook,
		RunE: func(cmd *cobra.Command, args []string) error { return o.profiled(cmd.Context(), args) },
	}
	f := cmd.Flags()
	o.register(f)
	f.StringSliceVarP(&o.tags, "tags", "t", nil, "only tasks with these `TAGS`")
	f.StringSliceVar(&o.skip, "skip-tags", nil, "no tasks with these `TAGS`")
	f.StringVar(&o.output, "output", "text", "`FORMAT` of the output: text or json (one event a line)")
	f.BoolVar(&o.timing, "timing", false, "end with the slowest tasks and hosts, and what went over the network")
	f.BoolVar(&o.prove, "prove", false, "write to the etcd cluster while it is operated on, and prove that nothing was lost (-e etcd_prove=true)")
	f.StringVar(&o.startAt, "start-at-task", "", "begin at the task of this `NAME`")
	f.BoolVar(&o.step, "step", false, "ask before each task")
	f.BoolVar(&o.listHosts, "list-hosts", false, "only list the hosts of each play")
	f.BoolVar(&o.listTasks, "list-tasks", false, "only list the tasks")
	f.BoolVar(&o.listTags, "list-tags", false, "only list the tags")
	f.BoolVar(&o.syntax, "syntax-check", false, "only check the playbooks")
	f.StringVar(&o.profile, "profile", "", "record what the program itself does, to KIND.prof: cpu, mem or trace")
	f.MarkHidden("profile")
	return cmd
}

func somePlaybook(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError("which playbook? for example: etcdplay %s site.yml -i hosts.ini", cmd.Name())
	}
	return nil
}

// register adds the flags that every command has that works on hosts.
func (o *runOptions) register(f *pflag.FlagSet) {
	o.inventoryFlags.register(f)
	o.connectionFlags.register(f)
	o.vaultFlags.register(f)
	f.StringArrayVarP(&o.extra, "extra-vars", "e", nil, "set variables: `K=V`, a YAML or JSON mapping, or @FILE")
	f.StringVarP(&o.limit, "limit", "l", "", "only these hosts: a `PATTERN`, or @FILE")
	f.IntVarP(&o.forks, "forks", "f", 0, "how many hosts to work on at a time (default 50)")
	o.flags = f
	f.BoolVarP(&o.check, "check", "C", false, "change nothing, only say what would change")
	f.BoolVarP(&o.diff, "diff", "D", false, "show what changes within files")
	f.CountVarP(&o.verbosity, "verbose", "v", "show results; -vv: where tasks stand")
	f.DurationVar(&o.timeout, "task-timeout", time.Hour, "how long a task may take that has no timeout of its own; 0: for ever")
	f.StringVar(&o.cacheDir, "cache-dir", "", "where downloads are kept (default: the user's cache folder)")
	f.BoolVar(&o.flushCache, "flush-cache", false, "accepted for Ansible's sake: facts are never kept")
	f.MarkHidden("flush-cache")
}

// profiled is run, with --profile recorded.
func (o *runOptions) profiled(ctx context.Context, names []string) error {
	end, err := profile(o.profile)
	if err != nil {
		return err
	}
	err = o.run(ctx, names)
	if perr := end(); err == nil {
		err = perr
	}
	return err
}

func (o *runOptions) run(ctx context.Context, names []string) error {
	p, err := o.prepare(ctx, names, playbooks.Shipped())
	if err != nil {
		return err
	}
	if done, err := o.list(p.plays, p.inventory); done || err != nil {
		return err
	}
	reporter, end, err := o.reporter()
	if err != nil {
		return err
	}
	defer end()
	return o.execute(ctx, p, reporter)
}

// A prepared run has read all that it needs, and found nothing wrong.
type prepared struct {
	config    *config
	catalog   *catalog
	loader    *playbooks.Loader
	plays     []*playbooks.Play
	inventory *inventory.Inventory
	extra     []playbooks.Var
	vault     *sealed
}

// sane refuses values of flags that can't be meant. An empty --limit is an
// unset variable of somebody's script, which must not widen it to all hosts.
func (o *runOptions) sane() error {
	if o.forks < 0 || o.forks == 0 && o.given("forks") {
		return usageError("--forks %d: that is no number of hosts", o.forks)
	}
	if strings.TrimSpace(o.limit) == "" && o.given("limit") {
		return usageError("--limit is empty: name hosts, or leave it out for all of them")
	}
	for name, d := range map[string]time.Duration{"timeout": o.connectionFlags.timeout, "task-timeout": o.timeout} {
		if d < 0 {
			return usageError("--%s %s: that is no time to wait", name, d)
		}
	}
	return nil
}

func (o *runOptions) given(flag string) bool { return o.flags != nil && o.flags.Changed(flag) }

// prepare reads playbooks and inventory. Everything that is wrong is told at
// once, before anything connects.
func (o *runOptions) prepare(ctx context.Context, names []string, shipped fs.FS) (*prepared, error) {
	if err := o.sane(); err != nil {
		return nil, err
	}
	cfg, err := loadConfig()
	if err != nil {
		return nil, err
	}
	passwords, err := o.vaultFlags.open(ctx)
	if err != nil {
		return nil, err
	}
	p := &prepared{config: cfg, catalog: newCatalog(), vault: &sealed{vault: passwords}}
	p.loader = playbooks.NewLoader(playbooks.Options{
		Catalog: p.catalog, Decrypt: p.vault.Decrypt, RolesPath: cfg.rolesPath(), Shipped: shipped,
	})
	var errs source.Errors
	p.plays, err = p.loader.Load(ctx, names)
	errs.Add(err)
	p.inventory, err = o.inventoryFlags.load(ctx, cfg, inventory.Options{Decrypt: p.vault.Decrypt})
	errs.Add(err)
	if o.prove {
		o.extra = append(o.extra, `{"etcd_prove": true}`)
	}
	p.extra, err = readExtra(o.extra, p.vault.Decrypt)
	errs.Add(err)
	if p.inventory != nil {
		for _, dir := range playbookDirs(names) {
			errs.Add(p.inventory.AddPlaybookDir(dir))
		}
	}
	if err := errs.Err(); err != nil {
		return nil, exitCode{runner.ExitUnreachable, err}
	}
	for _, w := range append(p.loader.Warnings(), p.inventory.Warnings()...) {
		fmt.Fprintln(os.Stderr, color.MagentaString("[WARNING]: ")+w.Detail())
	}
	warnOfTags(p.plays, o.tags)
	if err := checkBinding(p.plays, p.inventory, p.loader); err != nil {
		return nil, exitCode{runner.ExitUnreachable, err}
	}
	return p, nil
}

// execute runs what is prepared.
func (o *runOptions) execute(ctx context.Context, p *prepared, reporter runner.Reporter) error {
	connector, defaults, err := o.connectionFlags.connector(ctx, p.config)
	if err != nil {
		return err
	}
	defer connector.Close()
	rc := runner.Config{
		Plays: p.plays, Loader: p.loader, Inventory: p.inventory, Tasks: p.catalog.tasks, Actions: p.catalog.actions,
		Connector: connector, Reporter: reporter, Defaults: defaults,
		Forks: p.config.forks(o.forks), Timeout: o.timeout, Check: o.check, Diff: o.diff, Verbosity: o.verbosity,
		Only: o.tags, Skip: o.skip, Limit: o.limit, Extra: p.extra, StartAt: o.startAt, CacheDir: o.cacheDir,
		Prompt: askTerminal, ReadFile: p.vault.ReadFile, Seal: p.vault.Seal, Interrupted: interrupted(ctx),
	}
	if rc.OnChange, err = onChange(); err != nil {
		return err
	}
	if o.step {
		rc.Step = askStep
	}
	run := runner.New(rc)
	p.vault.OnSecret(run.Secret)
	code, err := run.Run(ctx)
	if o.timing && o.output == "text" {
		report.Costs(os.Stdout, connector.costs())
	}
	if err != nil || code != runner.ExitOK {
		return exitCode{code, err}
	}
	return nil
}

// reporter makes what shows the run, and what ends it.
func (o *runOptions) reporter() (runner.Reporter, func(), error) {
	switch o.output {
	case "json":
		return report.NewJSON(os.Stdout), func() {}, nil
	case "text":
		fd := int(os.Stdout.Fd())
		live := term.IsTerminal(fd)
		width := 0
		if live {
			width, _, _ = term.GetSize(fd)
		}
		t := report.NewTerminal(os.Stdout, report.Options{
			Verbosity: o.verbosity, Diff: o.diff, Color: !color.NoColor, Live: live, Width: width, Timing: o.timing,
		})
		return t, t.Close, nil
	}
	return nil, nil, usageError("--output %s is neither text nor json", o.output)
}

func playbookDirs(names []string) []string {
	var dirs []string
	for _, n := range names {
		if _, err := os.Stat(n); err == nil {
			dirs = append(dirs, filepath.Dir(n))
		}
	}
	return dirs
}
