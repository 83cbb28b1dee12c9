package tasks

import (
	"slices"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
)

// FuzzHosts: whatever a hosts file holds, a second pass changes nothing, no
// foreign line changes but those of 127.0.1.1, and taking the block away again
// leaves them all.
func FuzzHosts(f *testing.F) {
	for _, s := range []string{
		"", "127.0.0.1 localhost\n", "127.0.1.1 peer1 other # c\r\n::1 x", "a\n# BEGIN etcdplay hosts\nx\n# END etcdplay hosts\nb",
		"# END etcdplay hosts\n# BEGIN etcdplay hosts\n# END etcdplay hosts\n", "\n\n\n", "127.0.1.1 peer1\n127.0.1.1 peer1", "\r\n\rx", "10.0.0.9 PEER2",
	} {
		f.Add(s)
	}
	h := &Hosts{Path: "/etc/hosts", State: "present", Marker: "# {mark} etcdplay hosts"}
	h.Entries = value.NewDict("peer1", "10.0.0.1", "peer2", "10.0.0.2")
	m, err := h.mapping(nil)
	if err != nil {
		f.Fatal(err)
	}
	gone := *h
	gone.State = "absent"
	f.Fuzz(func(t *testing.T, old string) {
		if strings.HasSuffix(old, "\r") {
			return // with the line break that it lacks it would look like CRLF
		}
		text := parseText(old)
		if _, err := h.rewrite(&text, m); err != nil {
			return // a begin without its end
		}
		once := text.String()
		if !strings.Contains(once, "10.0.0.1\tpeer1") || !strings.Contains(once, "10.0.0.2\tpeer2") {
			t.Fatalf("%q became %q", old, once)
		}
		again := parseText(once)
		if _, err := h.rewrite(&again, m); err != nil || again.String() != once {
			t.Errorf("%q became %q and then %q (%v)", old, once, again.String(), err)
		}
		removed := parseText(once)
		if _, err := gone.rewrite(&removed, m); err != nil {
			t.Fatal(err)
		}
		if before, after := foreign(t, old), foreign(t, removed.String()); !slices.Equal(before, after) {
			t.Errorf("the other lines were %q and are %q", before, after)
		}
	})
}

// foreign are the lines outside of any block, but for those of 127.0.1.1.
func foreign(t *testing.T, s string) []string {
	text := parseText(s)
	if _, err := text.cutBlocks("# BEGIN etcdplay hosts", "# END etcdplay hosts"); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, l := range text.lines {
		if !strings.Contains(l, "127.0.1.1") && !strings.HasPrefix(l, "#") {
			out = append(out, bare(l))
		}
	}
	return out
}

func TestShellWords(t *testing.T) {
	for in, want := range map[string][]string{
		"":                           nil,
		"  a  b\tc\n":                {"a", "b", "c"},
		`a 'b c' "d e" f\ g`:         {"a", "b c", "d e", "f g"},
		`'' "" x''y`:                 {"", "", "xy"},
		`"a\"b\\c\d" 'a\b'`:          {`a"b\c\d`, `a\b`},
		`a"b"'c'\d`:                  {"abcd"},
		"$x `y` $(z) * ; | # not me": {"$x", "`y`", "$(z)", "*", ";", "|", "#", "not", "me"},
	} {
		if got, err := shellWords(in); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{`"a`, "it's", `a\`, `"a\`} {
		if got, err := shellWords(in); err == nil {
			t.Errorf("%s was taken as %q", in, got)
		}
	}
}
