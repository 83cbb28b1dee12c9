package tasks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// quorumPatience is how long the other hosts may take to say that they are
// ready before a restart: a busy member may miss a single question.
const quorumPatience = 3 * time.Second

// mayRestart refuses a restart that would lose a quorum that there is now. The
// warning is for clusters that are too small to have one.
func (l *Launch) mayRestart(ctx context.Context, t *Target, why string) (warning string, err error) {
	total := max(len(t.Everyone), len(t.Peers))
	need := l.Quorum
	switch {
	case need == 0 || !l.Ready.given():
		return "", nil
	case need < 0 && total <= 2:
		return fmt.Sprintf("%s on %s is away while it restarts: %d hosts have no majority to spare", l.Name, t.Host.Name, total), nil
	case need < 0:
		need = total/2 + 1
	}
	t.Status("asking which hosts are ready")
	ready := l.readyHosts(ctx, t)
	if err := context.Cause(ctx); err != nil {
		return "", err
	}
	if len(ready) < need {
		return "", nil // there is no quorum to lose
	}
	others := slices.DeleteFunc(slices.Clone(ready), func(name string) bool { return name == t.Host.Name })
	if len(others) >= need {
		return "", nil
	}
	f := Failf("%s must be restarted (%s), but without it only %d of %d hosts would be ready, and %d are needed", l.Name, why, len(others), total, need)
	f.Hint = fmt.Sprintf("ready now: %s; mend the others first", strings.Join(ready, ", "))
	return "", f
}

// readyHosts are those whose ready gate passes, all asked at once. In check
// mode those count too that a run would have started by now.
func (l *Launch) readyHosts(ctx context.Context, t *Target) []string {
	would := map[string]bool{}
	if t.Check {
		for _, i := range l.Sequence(t.Peers) {
			if t.Peers[i].Name == t.Host.Name {
				break
			}
			would[t.Peers[i].Name] = !t.Peers[i].Outside
		}
	}
	ready := make([]bool, len(t.Peers))
	var wg sync.WaitGroup
	for i, p := range t.Peers {
		d, ok := p.Gathered.(*daemon)
		if ready[i] = would[p.Name]; ready[i] || !ok || p.Conn == nil {
			continue
		}
		wg.Go(func() { ready[i] = isReady(ctx, t, p.Conn, d.ready) })
	}
	wg.Wait()
	var names []string
	for i, p := range t.Peers {
		if ready[i] {
			names = append(names, p.Name)
		}
	}
	return names
}

func isReady(ctx context.Context, t *Target, conn Conn, g Gate) bool {
	q, err := g.at(conn, t.Files)
	if err != nil || !g.given() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, quorumPatience)
	defer cancel()
	for pause := pollFirst; ; pause = min(pause*2, pollMost) {
		if q.ask(ctx) == nil {
			return true
		}
		if pauseFor(ctx, pause) != nil {
			return false
		}
	}
}
