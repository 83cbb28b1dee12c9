package tasks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// equalPatience is how long the members may take to have equal data in the end: one
// that lags has it a moment later.
const equalPatience = 30 * time.Second

func (o *Operation) end(ctx context.Context, t *Target) (Result, error) {
	b := bracketOf(t)
	if b == nil {
		return Result{}, Failf("no operation is under way").WithHint("begin it in the same run: operation: {state: begin, …}")
	}
	var res Result
	var lines, wrong []string
	if b.load != nil {
		t.Status("reading back what was written")
		proof, err := b.load.Check(ctx)
		if err != nil {
			return res, Failf("%w", err)
		}
		b.load = nil
		lines = append(lines, proof.String())
		if len(proof.Lost) > 0 {
			wrong = append(wrong, fmt.Sprintf("%s that had been acknowledged are lost", count(len(proof.Lost), "write")))
		}
		tellProof(&res, proof)
	}
	after, problem, err := o.settled(ctx, t)
	if err != nil {
		return res, err
	}
	if problem != "" {
		wrong = append(wrong, problem)
	}
	took := time.Since(b.begun)
	changes := leaderChanges(b.before, after)
	lines = append([]string{memberLine(b.before, after), leaderLine(b.before, after, changes)}, lines...)
	if problem == "" {
		lines = append(lines, equalLine(after))
	}
	lines = append(lines, fmt.Sprintf("took %s", took.Round(100*time.Millisecond)))
	if b.lock != nil {
		if err := b.lock.Lost(ctx); err != nil {
			res.Warnings = append(res.Warnings, err.Error())
		}
	}
	names := []any{}
	for _, n := range memberNames(after) {
		names = append(names, n)
	}
	res.Set("members", names)
	res.Set("leader_changes", changes)
	res.Set("seconds", took.Seconds())
	res.Msg = strings.Join(lines, "; ")
	res.Text = strings.Join(lines, "\n") + "\n"
	if err := t.Session.Drop(theOperation); err != nil {
		return res, err
	}
	if len(wrong) > 0 {
		return res, Failf("%s", strings.Join(wrong, "; "))
	}
	return res, nil
}

func tellProof(res *Result, p etcd.Proof) {
	res.Set("writes", p.Acknowledged)
	res.Set("lost", len(p.Lost))
	res.Set("unanswered", p.Unknown)
	res.Set("longest_gap", p.Gap.Length.Seconds())
}

// settled looks, through the members that are there now, until their data are
// equal, and returns what was seen and what is wrong with the data.
func (o *Operation) settled(ctx context.Context, t *Target) (*etcd.State, string, error) {
	cluster, err := openEtcd(ctx, t, o.seats(t))
	if err != nil {
		return nil, "", err
	}
	defer cluster.Close()
	begun := time.Now()
	for {
		s := cluster.Observe(ctx)
		problem := unequal(s)
		if problem == "" || time.Since(begun) > equalPatience {
			return s, problem, nil
		}
		t.Status(problem)
		if err := pauseFor(ctx, pollMost); err != nil {
			return nil, "", err
		}
	}
}

// unequal is how the members' data differ, or why that is not known; "" if they
// are equal.
func unequal(s *etcd.State) string {
	if !s.Quorum {
		return "the cluster has no quorum"
	}
	for _, e := range s.Endpoints {
		if e.Err == nil && !e.Learner && e.HashErr != nil {
			return fmt.Sprintf("the data of %s could not be hashed: %v", e.Name, e.HashErr)
		}
	}
	return s.Diverged()
}

func memberLine(before, after *etcd.State) string {
	was, is := sorted(memberNames(before)), sorted(memberNames(after))
	if slices.Equal(was, is) {
		return fmt.Sprintf("%s: %s", count(len(is), "member"), strings.Join(is, ", "))
	}
	return fmt.Sprintf("members: %s; before: %s", strings.Join(is, ", "), strings.Join(was, ", "))
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

func leaderLine(before, after *etcd.State, changes int) string {
	name := func(s *etcd.State) string {
		if l := s.Leader(); l != nil {
			return l.Name
		}
		return "unknown"
	}
	text := fmt.Sprintf("leader: %s", name(after))
	if name(before) != name(after) {
		text += ", before: " + name(before)
	}
	return fmt.Sprintf("%s; %s", text, count(changes, "election"))
}

// leaderChanges is how often a leader was elected meanwhile: each time has a
// term of its own.
func leaderChanges(before, after *etcd.State) int {
	term := func(s *etcd.State) (newest uint64) {
		for _, e := range s.Endpoints {
			newest = max(newest, e.RaftTerm)
		}
		return newest
	}
	return int(max(term(after), term(before)) - term(before))
}

func equalLine(s *etcd.State) string {
	n := 0
	var at etcd.EndpointState
	for _, e := range s.Endpoints {
		if e.Err == nil && e.HashRevision > 0 {
			n++
			at = e
		}
	}
	return fmt.Sprintf("data equal on %s (HashKV %08x at revision %d)", count(n, "member"), at.Hash, at.HashRevision)
}
