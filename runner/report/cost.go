package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A Cost is what the connection to one host has cost.
type Cost struct {
	Host       string
	Dial       time.Duration // to connect and log in
	RoundTrips int64
	In, Out    int64 // bytes over the network
}

// Costs tells what the connections have cost: all together, and the hosts that
// cost most.
func Costs(w io.Writer, all []Cost) {
	if len(all) == 0 {
		return
	}
	all = slices.Clone(all)
	sum := Cost{Host: fmt.Sprintf("%d hosts", len(all))}
	for _, c := range all {
		sum.Dial = max(sum.Dial, c.Dial)
		sum.RoundTrips += c.RoundTrips
		sum.In += c.In
		sum.Out += c.Out
	}
	slices.SortStableFunc(all, func(a, b Cost) int {
		if a.RoundTrips != b.RoundTrips {
			return int(b.RoundTrips - a.RoundTrips)
		}
		return strings.Compare(a.Host, b.Host)
	})
	rows := all[:min(shown, len(all))]
	if len(all) > 1 {
		rows = append([]Cost{sum}, rows...)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "network")
	fmt.Fprintln(t, "round trips\tsent\treceived\tlogin\t  host")
	for _, c := range rows {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t  %s\n", c.RoundTrips, size(c.Out), size(c.In), c.Dial.Round(time.Millisecond), c.Host)
	}
	t.Flush()
}

// size is a number of bytes for people.
func size(n int64) string {
	f, unit := float64(n), "B"
	for _, u := range []string{"KiB", "MiB", "GiB"} {
		if f < 1024 {
			break
		}
		f, unit = f/1024, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}
