package etcd

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MemberTable is the member list as `etcdctl member list -w table` of 3.6
// prints it, by ID as etcd orders it.
func (s *State) MemberTable() string {
	rows := [][]string{{"ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"}}
	list := slices.SortedFunc(slices.Values(s.Members), func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	for _, m := range list {
		state := "started"
		if !m.Started() {
			state = "unstarted"
		}
		rows = append(rows, []string{
			m.ID.String(), state, m.Name, strings.Join(m.PeerURLs, ","), strings.Join(m.ClientURLs, ","),
			strconv.FormatBool(m.Learner),
		})
	}
	return table(rows)
}

// StatusTable is what `etcdctl endpoint status -w table` of 3.6 prints. Like
// there, endpoints that did not answer are left out.
func (s *State) StatusTable() string {
	rows := [][]string{{
		"ENDPOINT", "ID", "VERSION", "STORAGE VERSION", "DB SIZE", "IN USE", "PERCENTAGE NOT IN USE", "QUOTA",
		"IS LEADER", "IS LEARNER", "RAFT TERM", "RAFT INDEX", "RAFT APPLIED INDEX", "ERRORS",
		"DOWNGRADE TARGET VERSION", "DOWNGRADE ENABLED",
	}}
	for _, e := range s.Endpoints {
		if e.Err != nil {
			continue
		}
		unused := int64(0)
		if e.DBSize > 0 {
			unused = 100 - e.DBInUse*100/e.DBSize
		}
		rows = append(rows, []string{
			e.URL, e.Member.String(), e.Version, e.StorageVersion, Bytes(e.DBSize), Bytes(e.DBInUse),
			fmt.Sprintf("%d%%", unused), Bytes(e.DBQuota),
			strconv.FormatBool(e.Leader == e.Member), strconv.FormatBool(e.Learner),
			fmt.Sprint(e.RaftTerm), fmt.Sprint(e.RaftIndex), fmt.Sprint(e.Applied), strings.Join(e.Errors, ", "),
			e.DowngradeTarget, strconv.FormatBool(e.Downgrading),
		})
	}
	return table(rows)
}

// table draws a box around cells that are set to the right, below a centred
// first row. A cell is as wide as its text: etcdctl breaks the texts of
// ERRORS that are longer than 30 characters over several lines, here they
// stay whole.
func table(rows [][]string) string {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	rule := func() {
		for _, w := range width {
			b.WriteString("+" + strings.Repeat("-", w+2))
		}
		b.WriteString("+\n")
	}
	rule()
	for i, row := range rows {
		for c, cell := range row {
			gap := width[c] - utf8.RuneCountInString(cell)
			left := gap
			if i == 0 {
				left = gap / 2
			}
			b.WriteString("| " + strings.Repeat(" ", left) + cell + strings.Repeat(" ", gap-left) + " ")
		}
		b.WriteString("|\n")
		if i == 0 {
			rule()
		}
	}
	rule()
	return b.String()
}

// Bytes writes a size as etcdctl does: decimal units, two digits below ten.
func Bytes(n int64) string {
	if n < 10 {
		return fmt.Sprintf("%d B", n)
	}
	exp := math.Floor(math.Log(float64(n)) / math.Log(1000))
	val := math.Floor(float64(n)/math.Pow(1000, exp)*10+0.5) / 10
	unit := []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}[int(exp)]
	if val < 10 {
		return fmt.Sprintf("%.1f %s", val, unit)
	}
	return fmt.Sprintf("%.0f %s", val, unit)
}
