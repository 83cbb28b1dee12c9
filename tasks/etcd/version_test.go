package etcd

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckUpgrade(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     string // a part of the refusal; "" for none
	}{
		{"3.6.16", "3.6.16", ""},
		{"3.6.1 3.6.16", "3.6.16", ""},
		{"3.6.16", "3.6.1", ""}, // patches go both ways
		{"3.5.35", "3.6.16", ""},
		{"3.5.32", "v3.6.0", ""},
		{"3.5.35 3.6.16", "3.6.16", ""},
		{"3.6.11", "3.7.3", ""},
		{"3.4.23", "3.5.35", ""},
		{"3.5.31", "3.6.16", "3.6 is reached safely only from 3.5.32 on, and a member runs 3.5.31"},
		{"3.5.4 3.6.16", "3.6.16", "only from 3.5.32 on"},
		{"3.6.10", "3.7.3", "only from 3.6.11 on"},
		{"3.5.35", "3.7.3", "a minor version would be skipped"},
		{"3.6.16", "3.5.35", "a member runs 3.6.16, which is newer than 3.5.35"},
		{"2.3.8", "3.5.35", "no way from 2.3.8"},
		{"3.6.16", "3.7", `"3.7" is no version`},
		{"3.6.16-rc.1", "3.7.3", "is no version"},
		{"3.6.16", "3.07.1", "is no version"},
	} {
		err := CheckUpgrade(strings.Fields(c.from), c.to)
		refusal, _ := errors.AsType[*Refusal](err)
		if (err == nil) != (c.want == "") || err != nil && (refusal == nil || !strings.Contains(refusal.Text, c.want)) {
			t.Errorf("from %s to %s: %v, want %q", c.from, c.to, err, c.want)
		}
	}
}
