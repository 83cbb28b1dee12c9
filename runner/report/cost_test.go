package report

import (
	"strings"
	"testing"
	"time"
)

func TestCosts(t *testing.T) {
	var b strings.Builder
	Costs(&b, nil)
	if b.Len() > 0 {
		t.Errorf("no connection, but it says:\n%s", &b)
	}
	Costs(&b, []Cost{
		{Host: "peer1", Dial: 40 * time.Millisecond, RoundTrips: 9, In: 2048, Out: 17},
		{Host: "peer2", Dial: 60 * time.Millisecond, RoundTrips: 12, In: 3 << 20, Out: 1024},
	})
	want := []string{"network", "round trips sent received login host", "21 1.0 KiB 3.0 MiB 60ms 2 hosts", "12 1.0 KiB 3.0 MiB 60ms peer2", "9 17 B 2.0 KiB 40ms peer1"}
	got := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(got) != len(want) {
		t.Fatalf("%d lines:\n%s", len(got), &b)
	}
	for i, line := range got {
		if strings.Join(strings.Fields(line), " ") != want[i] {
			t.Errorf("line %d is %q, not %q", i+1, line, want[i])
		}
	}
}
