package script

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Whatever the pieces in which a stream arrives, its parts are the same.
func TestStreamInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("aMED{}\n 1")), 0, 12, -1)
		before, body, behind := text.Draw(t, "before"), text.Draw(t, "body"), text.Draw(t, "behind")
		recs := rapid.SliceOfN(text, 0, 3).Draw(t, "records")
		wire := before + "EDGE{" + body
		var want []Record
		for _, r := range recs {
			wire += "MARKfact " + r + "MARK" + body
			want = append(want, Record{Fact, r})
		}
		wire += "EDGE}42\n" + behind

		r := &run{done: make(chan struct{})}
		var seen []Record
		r.streams[0] = stream{edge: "EDGE", mark: "MARK", plain: kept{room: 1 << 20}, record: kept{room: 1 << 20}, onRecord: func(r Record) { seen = append(seen, r) }}
		r.streams[1] = stream{edge: "EDGE", plain: kept{room: 1 << 20}, record: kept{room: 1 << 20}}
		r.feed(1, []byte("EDGE{EDGE}42\n"))
		outside := ""
		for rest := wire; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			outside += string(r.feed(0, []byte(rest[:n])))
			rest = rest[n:]
		}
		select {
		case <-r.done:
		default:
			t.Fatal("not done")
		}
		out := r.output()
		plainText := body
		for range recs {
			plainText += body
		}
		if string(out.Stdout) != plainText || out.Code != 42 || outside != before+behind {
			t.Errorf("stdout %q, code %d, outside %q", out.Stdout, out.Code, outside)
		}
		if d := cmp.Diff(want, out.Records); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(want, seen); d != "" {
			t.Error(d)
		}
	})
}
