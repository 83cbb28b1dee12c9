package playbooks

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"
)

// testdata/splitting.json holds what Ansible makes of texts; raw is how it
// reads the text of command and shell, null is an error.
func TestTakeApart(t *testing.T) {
	data, err := os.ReadFile("testdata/splitting.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Text string
		Raw  bool
		Want map[string]string
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 90 {
		t.Fatal(err, len(cases))
	}
	for _, c := range cases {
		free, args, err := takeApart(c.Text, c.Raw)
		if (err != nil) != (c.Want == nil) {
			t.Errorf("%q: error %v, want %v", c.Text, err, c.Want)
			continue
		}
		got := map[string]string{}
		for _, a := range args {
			got[a.key] = a.val
			if !strings.HasPrefix(c.Text[a.off:], a.key) {
				t.Errorf("%q: %s is not at %d", c.Text, a.key, a.off)
			}
		}
		if len(free) > 0 {
			got["_raw_params"] = rejoin(free)
		}
		if w, ok := c.Want["_raw_params"]; ok {
			c.Want["_raw_params"] = strings.TrimSpace(w)
		}
		if err == nil && !maps.Equal(got, c.Want) {
			t.Errorf("%q (raw %v) gives\n%q, want\n%q", c.Text, c.Raw, got, c.Want)
		}
	}
}

func FuzzTakeApart(f *testing.F) {
	f.Add("echo {{ a }} creates=\"/x y\" \\\n z")
	f.Fuzz(func(t *testing.T, text string) {
		free, args, err := takeApart(text, len(text)%2 == 0)
		if err != nil {
			return
		}
		n := 0
		for _, w := range free {
			n += len(w.text)
		}
		for _, a := range args {
			if a.off < 0 || a.valOff > len(text) {
				t.Errorf("offsets %d, %d of %q", a.off, a.valOff, text)
			}
		}
		if n > len(text) {
			t.Errorf("%q grew to %d", text, n)
		}
	})
}
