package runner

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
)

// ask puts the questions of vars_prompt.
func (p *play) ask(ctx context.Context) error {
	p.prompted = finals{}
	for _, q := range p.spec.VarsPrompt {
		if slices.ContainsFunc(p.run.cfg.Extra, func(v playbooks.Var) bool { return v.Name == q.Name }) {
			continue
		}
		def, err := p.keyword(ctx, q.Default)
		if err != nil {
			return err
		}
		text, err := p.keyword(ctx, q.Prompt)
		if err != nil {
			return err
		}
		if text == nil {
			text = q.Name
		}
		answer, asked := "", false
		if p.run.cfg.Prompt != nil {
			line := value.Str(text)
			if def != nil && !q.Private {
				line += " [" + value.Str(def) + "]"
			}
			if answer, asked, err = p.run.cfg.Prompt(ctx, line+": ", q.Private); err != nil {
				return err
			}
		}
		switch {
		case answer != "":
			p.prompted[q.Name] = answer
		case def != nil:
			p.prompted[q.Name] = value.Str(def)
		case asked:
			p.prompted[q.Name] = ""
		default:
			return source.Errorf(q.Pos, "vars_prompt: there is no terminal to ask for %s at", q.Name).
				WithHint("give it as -e %s=…", q.Name)
		}
		if q.Private {
			p.run.secrets.add(value.Str(p.prompted[q.Name]))
		}
	}
	return nil
}

// readFiles reads vars_files for each host, since their names may differ; also
// for those that --limit leaves out, which tasks may ask all the same.
func (p *play) readFiles(ctx context.Context) error {
	if len(p.spec.VarsFiles) == 0 {
		return nil
	}
	blank := &playbooks.Task{Play: p.spec}
	for _, h := range p.peers {
		for _, f := range p.spec.VarsFiles {
			v, err := p.taskScope(h, blank).eval(ctx, f)
			if err != nil {
				return err
			}
			names, isList := v.([]any)
			if !isList {
				names = []any{v}
			}
			vars, err := p.firstFile(ctx, f.Pos, names)
			if err != nil {
				return err
			}
			p.files[h.name] = append(p.files[h.name], vars...)
		}
	}
	return nil
}

func (p *play) firstFile(ctx context.Context, at source.Pos, names []any) ([]playbooks.Var, error) {
	var tried []string
	for _, n := range names {
		name := p.run.cfg.Loader.VarsFile(p.spec, value.Str(n))
		vars, err := p.run.cfg.Loader.ReadVars(ctx, name)
		if errors.Is(err, errNotExist) {
			tried = append(tried, name)
			continue
		}
		return vars, err
	}
	return nil, source.Errorf(at, "vars_files: there is no %s", strings.Join(tried, ", nor "))
}

func (p *play) fromFiles(h *host) written {
	p.filesMu.Lock()
	defer p.filesMu.Unlock()
	return p.files[h.name]
}
