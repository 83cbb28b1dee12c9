package report

import "fmt"

// edit is one line of an edit script: ' ', '-' or '+'.
type edit struct {
	op   byte
	text string
}

// unified gives the hunks of a unified diff between two texts.
func unified(a, b []string) []string {
	edits := script(a, b)
	var out []string
	for i := 0; i < len(edits); {
		if edits[i].op == ' ' {
			i++
			continue
		}
		from := max(0, i-context)
		to, quiet := i, 0
		for to < len(edits) && quiet <= 2*context {
			if edits[to].op == ' ' {
				quiet++
			} else {
				quiet = 0
			}
			to++
		}
		to -= max(0, quiet-context)
		out = append(out, hunk(edits, from, to)...)
		i = to
	}
	return out
}

func hunk(edits []edit, from, to int) []string {
	aAt, bAt := 0, 0
	for _, e := range edits[:from] {
		if e.op != '+' {
			aAt++
		}
		if e.op != '-' {
			bAt++
		}
	}
	aLen, bLen := 0, 0
	var body []string
	for _, e := range edits[from:to] {
		if e.op != '+' {
			aLen++
		}
		if e.op != '-' {
			bLen++
		}
		body = append(body, string(e.op)+e.text)
	}
	return append([]string{fmt.Sprintf("@@ -%s +%s @@", span(aAt, aLen), span(bAt, bLen))}, body...)
}

// span is a hunk's range as diff(1) writes it: an empty one stands behind its line.
func span(at, n int) string {
	if n != 0 {
		at++
	}
	if n == 1 {
		return fmt.Sprint(at)
	}
	return fmt.Sprintf("%d,%d", at, n)
}

// most bounds the table of the exact comparison; beyond it the middle of the
// texts counts as replaced whole.
const most = 4_000_000

// script finds an edit script by the longest common subsequence, after equal
// beginnings and ends are taken off.
func script(a, b []string) []edit {
	var head, tail []edit
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head = append(head, edit{' ', a[0]})
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail = append([]edit{{' ', a[len(a)-1]}}, tail...)
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return append(append(head, middle(a, b)...), tail...)
}

func middle(a, b []string) []edit {
	var out []edit
	if len(a)*len(b) > most {
		for _, l := range a {
			out = append(out, edit{'-', l})
		}
		for _, l := range b {
			out = append(out, edit{'+', l})
		}
		return out
	}
	n, m := len(a), len(b)
	common := make([][]int32, n+1)
	for i := range common {
		common[i] = make([]int32, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < n || j < m {
		switch {
		case i < n && j < m && a[i] == b[j]:
			out = append(out, edit{' ', a[i]})
			i, j = i+1, j+1
		case j == m || i < n && common[i+1][j] >= common[i][j+1]:
			out = append(out, edit{'-', a[i]})
			i++
		default:
			out = append(out, edit{'+', b[j]})
			j++
		}
	}
	return out
}
