package tasks

import (
	"strings"
	"testing"
	"time"
)

func TestPercentile99(t *testing.T) {
	const name = "etcd_disk_wal_fsync_duration_seconds"
	histogram := func(counts ...string) string {
		var b strings.Builder
		b.WriteString("# TYPE " + name + " histogram\nother_bucket{le=\"0.001\"} 7\n")
		for i, le := range []string{"0.001", "0.002", "0.004", "+Inf"} {
			b.WriteString(name + `_bucket{le="` + le + `"} ` + counts[i] + "\n")
		}
		b.WriteString(name + "_sum 0.5\n" + name + "_count " + counts[3] + "\n")
		return b.String()
	}
	for text, want := range map[string]time.Duration{
		histogram("99", "100", "100", "100"):          time.Millisecond,
		histogram("98", "99", "100", "100"):           2 * time.Millisecond,
		histogram("0", "0", "98", "100"):              time.Minute,
		histogram("1e+06", "1e+06", "1e+06", "1e+06"): time.Millisecond,
		histogram("0", "0", "0", "0"):                 0,
		"":                                            0,
	} {
		if got, err := percentile99(strings.NewReader(text), name); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	if _, err := percentile99(strings.NewReader(name+"_count many\n"), name); err == nil {
		t.Error("what is no number is no error")
	}
}

func TestPercentile(t *testing.T) {
	var all []time.Duration
	for i := range 200 {
		all = append(all, time.Duration(i+1)*time.Millisecond)
	}
	for p, want := range map[int]time.Duration{50: 100, 99: 198, 100: 200} {
		if got := percentile(all, p); got != want*time.Millisecond {
			t.Errorf("%d of 100: %v, want %v ms", p, got, want)
		}
	}
	if got := percentile(all[:1], 99); got != time.Millisecond {
		t.Errorf("of one: %v", got)
	}
}
