package source

import "strings"

// Nearest returns the known name that a reader most likely meant by name, or
// "" when none is near: within a third of its length in edits (a swap of
// neighbours is one edit), or equal but for case and separators.
func Nearest(name string, known []string) string {
	best, bestDist := "", len(name)/3+2
	plain := fold(name)
	for _, k := range known {
		if k == name {
			continue
		}
		d := distance(name, k)
		if fold(k) == plain {
			d = 0
		}
		if d < bestDist || d == bestDist && best != "" && closer(name, k, best) {
			best, bestDist = k, d
		}
	}
	if bestDist > len(name)/3+1 {
		return ""
	}
	return best
}

// DidYouMean is `did you mean "x"?`, or "" when no known name is near.
func DidYouMean(name string, known []string) string {
	if n := Nearest(name, known); n != "" {
		return `did you mean "` + n + `"?`
	}
	return ""
}

// closer reports whether of two names at the same distance a is the likelier
// one: people leave letters out more often than they swap them for others.
func closer(name, a, b string) bool {
	if inA, inB := shared(name, a), shared(name, b); inA != inB {
		return inA > inB
	}
	return a < b
}

// shared counts the letters of a that b has too.
func shared(a, b string) int {
	n := 0
	for _, r := range a {
		if i := strings.IndexRune(b, r); i >= 0 {
			n++
			b = b[:i] + b[i+len(string(r)):]
		}
	}
	return n
}

func fold(s string) string {
	return strings.NewReplacer("_", "", "-", "", ".", "").Replace(strings.ToLower(s))
}

// distance is the optimal string alignment distance.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	var prev2 []int
	prev := make([]int, len(t)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(s); i++ {
		cur := make([]int, len(t)+1)
		cur[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev = prev, cur
	}
	return prev[len(t)]
}
