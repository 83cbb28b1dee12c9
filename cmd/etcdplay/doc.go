package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/tasks"
)

func newDocCmd() *cobra.Command {
	var markdown string
	cmd := &cobra.Command{
		Use:   "doc [TASK | PLAYBOOK]",
		Short: "Describe a task or print a shipped playbook, or list them all",
		Args:  cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return newCatalog().Names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cat := newCatalog()
			out := cmd.OutOrStdout()
			if markdown != "" {
				return writePages(cat, markdown)
			}
			shipped, err := playbooks.ListShipped(playbooks.Shipped())
			if err != nil {
				return err
			}
			if len(args) == 0 {
				for _, p := range shipped {
					fmt.Fprintf(out, "%-22s %s\n", p.Name, p.Summary)
				}
				fmt.Fprintln(out)
				for _, name := range cat.Names() {
					d, _ := cat.documented(name)
					fmt.Fprintf(out, "%-22s %s\n", name, d.Doc().Summary)
				}
				return nil
			}
			if text, err := fs.ReadFile(playbooks.Shipped(), args[0]); err == nil { // what a playbook imports
				fmt.Fprint(out, string(text))
				return nil
			}
			name := strings.TrimPrefix(args[0], "ansible.builtin.")
			d, ok := cat.documented(name)
			if !ok {
				return usageErrorHint(source.DidYouMean(name, cat.Names()), "there is no task %q", args[0])
			}
			fmt.Fprint(out, tasks.Plain(name, d))
			return nil
		},
	}
	cmd.Flags().StringVar(&markdown, "markdown", "", "write one page a task, and an index, into `DIR`")
	return cmd
}

func usageErrorHint(hint, format string, args ...any) error {
	e := source.Errorf(source.Pos{}, format, args...)
	e.Hint = hint
	return exitCode{5, e}
}

// writePages writes docs/tasks: one page a task and an index.
func writePages(cat *catalog, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var index strings.Builder
	index.WriteString("# Tasks\n\nEvery page is made from the task's code by `etcdplay doc --markdown docs/tasks`.\n\n| task | what it does |\n|---|---|\n")
	names := cat.Names()
	sort.Strings(names)
	for _, name := range names {
		d, _ := cat.documented(name)
		fmt.Fprintf(&index, "| [%s](%s.md) | %s |\n", name, name, d.Doc().Summary)
		if err := os.WriteFile(filepath.Join(dir, name+".md"), []byte(tasks.Markdown(name, d)), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "README.md"), []byte(index.String()), 0o644)
}
