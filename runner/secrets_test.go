package runner

import (
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// What is a secret must be in no part of any event.
func TestSecretsAreTakenOutOfEveryPart(t *testing.T) {
	s := newSecrets()
	s.add("hunter22", "hunter2215", "abc")
	const secret = "hunter2215"
	e := s.redact(HostResult{
		Host: "h", Task: "set " + secret, Label: secret, Text: secret, Stderr: secret, Hint: secret, Changes: []string{"password " + secret},
		Diffs:  []tasks.Diff{{Before: "a" + secret, After: secret + "b", BeforeHeader: secret, AfterHeader: "/srv/" + secret}},
		Result: value.NewDict(secret, []any{value.NewDict("deep", "x"+secret+"y")}, "short", "abc"),
	}).(HostResult)
	text := e.Task + e.Label + e.Text + e.Stderr + e.Hint + e.Changes[0] + e.Diffs[0].Before + e.Diffs[0].After + e.Diffs[0].BeforeHeader + e.Diffs[0].AfterHeader + value.Repr(e.Result)
	for i := 0; i+len("hunter") <= len(text); i++ {
		if text[i:i+len("hunter")] == "hunter" {
			t.Fatalf("a secret is left in %s", text)
		}
	}
	if v, _ := e.Result.Get("short"); v != "abc" {
		t.Errorf("a text too short to be searched for was taken out: %v", v)
	}
}

func TestBatchSize(t *testing.T) {
	for _, c := range []struct {
		serial any
		all    int
		want   int // 0: an error
	}{
		{2, 5, 2}, {"3", 5, 3}, {"30%", 10, 3}, {"30%", 6, 1}, {"1%", 6, 1}, {"100%", 6, 6}, {"50%", 3, 1},
		{0, 5, 0}, {-1, 5, 0}, {"0%", 5, 0}, {"x", 5, 0}, {"-5%", 5, 0},
	} {
		got, err := batchSize(c.serial, c.all)
		if got != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("serial %v of %d: got %d, %v, want %d", c.serial, c.all, got, err, c.want)
		}
	}
}
