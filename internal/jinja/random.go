package jinja

import (
	"crypto/rand"
	"crypto/sha512"
	"fmt"
	"math/big"
	"math/bits"

	"github.com/etcdplay/etcdplay/internal/value"
)

// A randomSource draws numbers below n, n > 0.
type randomSource interface{ below(n int) (int, error) }

type systemSource struct{}

var systemRandom systemSource

func (systemSource) below(n int) (int, error) {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		return 0, err
	}
	return int(i.Int64()), nil
}

// mersenne is the generator of Python's random module, so that
// `random(seed=inventory_hostname)` gives a host the number that Ansible gave
// it: M. Matsumoto and T. Nishimura, "Mersenne Twister", 1998.
type mersenne struct {
	state [624]uint32
	next  int
}

// newMersenne seeds as Python's random.seed does: text by its bytes and their
// SHA-512, a number by its digits.
func newMersenne(seed any) (*mersenne, error) {
	var key []uint32 // of 32 bits, the lowest first
	switch s := seed.(type) {
	case string:
		sum := sha512.Sum512([]byte(s))
		raw := append([]byte(s), sum[:]...)
		for end := len(raw); end > 0; end -= 4 {
			var word uint32
			for _, b := range raw[max(0, end-4):end] {
				word = word<<8 | uint32(b)
			}
			key = append(key, word)
		}
	case int:
		m := magnitude(s)
		key = append(key, uint32(m), uint32(m>>32))
	case bool:
		n, _ := wholeNumber(s)
		key = append(key, uint32(n))
	default:
		return nil, fmt.Errorf("a seed is text or a whole number, not %s %s", article(seed), brief(seed))
	}
	for len(key) > 1 && key[len(key)-1] == 0 {
		key = key[:len(key)-1]
	}
	m := &mersenne{}
	m.seedNumber(19650218)
	m.seedKey(key)
	return m, nil
}

func (m *mersenne) seedNumber(s uint32) {
	m.state[0] = s
	for i := 1; i < len(m.state); i++ {
		prev := m.state[i-1]
		m.state[i] = 1812433253*(prev^prev>>30) + uint32(i)
	}
	m.next = len(m.state)
}

func (m *mersenne) seedKey(key []uint32) {
	n := len(m.state)
	i, j := 1, 0
	advance := func() {
		if i++; i >= n {
			m.state[0] = m.state[n-1]
			i = 1
		}
	}
	for range max(n, len(key)) {
		prev := m.state[i-1]
		m.state[i] = (m.state[i] ^ (prev^prev>>30)*1664525) + key[j] + uint32(j)
		advance()
		if j++; j >= len(key) {
			j = 0
		}
	}
	for range n - 1 {
		prev := m.state[i-1]
		m.state[i] = (m.state[i] ^ (prev^prev>>30)*1566083941) - uint32(i)
		advance()
	}
	m.state[0] = 0x80000000
}

func (m *mersenne) word() uint32 {
	n := len(m.state)
	if m.next >= n {
		for i := range n {
			y := m.state[i]&0x80000000 | m.state[(i+1)%n]&0x7fffffff
			v := m.state[(i+397)%n] ^ y>>1
			if y&1 != 0 {
				v ^= 0x9908b0df
			}
			m.state[i] = v
		}
		m.next = 0
	}
	y := m.state[m.next]
	m.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// bits draws a number of k bits, k <= 64.
func (m *mersenne) bits(k int) uint64 {
	if k <= 32 {
		return uint64(m.word() >> (32 - k))
	}
	low := uint64(m.word())
	return low | uint64(m.word()>>(64-k))<<32
}

func (m *mersenne) below(n int) (int, error) {
	k := bits.Len(uint(n))
	for {
		if r := m.bits(k); r < uint64(n) {
			return int(r), nil
		}
	}
}

func randomFrom(seed any) (randomSource, error) {
	if seed == nil {
		return systemRandom, nil
	}
	return newMersenne(seed)
}

func randomFilters() map[string]function {
	return map[string]function{
		"random":  {sig: "start step seed", fn: filterRandom},
		"shuffle": {sig: "seed", fn: filterShuffle},
	}
}

func filterRandom(c *call) (any, error) {
	r, err := randomFrom(c.arg(2, nil))
	if err != nil {
		return nil, err
	}
	end, ok := c.in.(int)
	if !ok {
		if c.given(0) || c.given(1) {
			return nil, fmt.Errorf("start and step of random are for numbers, not for %s", article(c.in))
		}
		l := c.list()
		if c.err != nil {
			return nil, nil
		}
		if len(l) == 0 {
			return nil, fmt.Errorf("random can't choose from an empty list")
		}
		i, err := r.below(len(l))
		if err != nil {
			return nil, err
		}
		return l[i], nil
	}
	start, step := 0, 1
	if c.given(0) {
		start = c.int(0, 0)
	}
	if c.given(1) {
		if step = c.int(1, 1); step == 0 {
			step = 1
		}
	}
	if c.err != nil {
		return nil, nil
	}
	width := end - start
	n := width
	switch {
	case step > 1:
		n = (width + step - 1) / step
	case step < 0:
		n = (width + step + 1) / step
	}
	if n <= 0 || (end >= 0) != (start >= 0) && (width >= 0) != (end >= 0) {
		return nil, fmt.Errorf("random has nothing to choose from between %d and %d", start, end)
	}
	i, err := r.below(n)
	if err != nil {
		return nil, err
	}
	return start + i*step, nil
}

func filterShuffle(c *call) (any, error) {
	l, ok := sequence(c.in)
	if !ok {
		if _, text := c.in.(string); !text {
			if _, dict := c.in.(*value.Dict); !dict {
				return c.in, nil
			}
		}
		l = c.list()
	}
	seed := c.arg(0, nil)
	if ok, err := c.st.truth(seed); err != nil || !ok {
		seed = nil
	}
	r, err := randomFrom(seed)
	if err != nil {
		return nil, err
	}
	out := c.newList(len(l))
	if c.err != nil {
		return nil, nil
	}
	out = append(out, l...)
	for i := len(out) - 1; i > 0; i-- {
		j, err := r.below(i + 1)
		if err != nil {
			return nil, err
		}
		out[i], out[j] = out[j], out[i]
	}
	return out, nil
}
