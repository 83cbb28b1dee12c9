package jinja

import (
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const saltChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./"

// randomText draws n characters out of chars from the system's generator.
func randomText(n int, chars string) (string, error) {
	set := []rune(chars)
	if len(set) == 0 {
		return "", fmt.Errorf("there are no characters to choose from")
	}
	out := make([]rune, n)
	for i := range out {
		k, err := systemRandom.below(len(set))
		if err != nil {
			return "", err
		}
		out[i] = set[k]
	}
	return string(out), nil
}

// A cryptMethod is a method of crypt(3) with Ansible's own defaults.
type cryptMethod struct {
	id     string
	rounds int
	new    func() hash.Hash
	order  [][3]int // how the digest's bytes are written, three at a time
	tail   []int
}

// The order of bytes is that of the reference implementation:
// https://www.akkadia.org/drepper/SHA-crypt.txt
func sha512Crypt() *cryptMethod {
	m := &cryptMethod{id: "6", rounds: 656_000, new: sha512.New, tail: []int{63}}
	for i, a, b, c := 0, 0, 21, 42; i < 21; i++ {
		m.order = append(m.order, [3]int{a, b, c})
		a, b, c = b+1, c+1, a+1
	}
	return m
}

func sha256Crypt() *cryptMethod {
	m := &cryptMethod{id: "5", rounds: 535_000, new: sha256.New, tail: []int{31, 30}}
	for i, a, b, c := 0, 0, 10, 20; i < 10; i++ {
		m.order = append(m.order, [3]int{a, b, c})
		a, b, c = c+1, a+1, b+1
	}
	return m
}

func filterPasswordHash(c *call) (any, error) {
	password := c.input()
	kind := c.word(0, "sha512")
	salt := ""
	if c.given(1) {
		salt = c.text(1, "")
	}
	size, rounds := 0, 0
	if c.given(2) {
		size = c.int(2, 0)
	}
	if c.given(3) {
		rounds = c.int(3, 0)
	}
	if c.err != nil {
		return nil, nil
	}
	return hashPassword(c.st, kind, password, salt, size, rounds)
}

func hashPassword(st *state, kind, password, salt string, size, rounds int) (any, error) {
	var m *cryptMethod
	switch kind {
	case "sha512", "sha512_crypt":
		m = sha512Crypt()
	case "sha256", "sha256_crypt":
		m = sha256Crypt()
	case "blowfish", "bcrypt":
		return bcryptHash(password, salt, rounds)
	default:
		return nil, &hinted{fmt.Sprintf("there is no password hash %s", brief(kind)), "there are: sha512, sha256, blowfish"}
	}
	if size == 0 {
		size = 16
	}
	if salt == "" {
		var err error
		if salt, err = randomText(min(size, 16), saltChars); err != nil {
			return nil, err
		}
	}
	if len(salt) > 16 || strings.Trim(salt, saltChars) != "" {
		return nil, fmt.Errorf("the salt %s must be at most 16 of the characters a-z A-Z 0-9 . and /", brief(salt))
	}
	if rounds == 0 {
		rounds = m.rounds
	}
	if rounds < 1000 || rounds > 5_000_000 {
		return nil, fmt.Errorf("rounds must be between 1000 and 5000000, not %d", rounds)
	}
	if len(password) > 4096 {
		return nil, fmt.Errorf("a password of %d bytes is too long", len(password))
	}
	return m.hash(st, password, salt, rounds)
}

// bcryptHash can't take a salt: the library draws its own.
func bcryptHash(password, salt string, rounds int) (any, error) {
	if salt != "" {
		return nil, &hinted{"password_hash('blowfish') can't take a salt", "use sha512, or store the hash"}
	}
	if rounds == 0 {
		rounds = 12
	}
	if rounds < 4 || rounds > 16 {
		return nil, fmt.Errorf("rounds of blowfish must be between 4 and 16, not %d", rounds)
	}
	out, err := bcrypt.GenerateFromPassword([]byte(password), rounds)
	if err != nil {
		return nil, err
	}
	return strings.Replace(string(out), "$2a$", "$2b$", 1), nil
}

// hash follows the steps of the specification named above.
func (m *cryptMethod) hash(st *state, password, salt string, rounds int) (any, error) {
	key, s := []byte(password), []byte(salt)
	sum := func(parts ...[]byte) []byte {
		h := m.new()
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	stretch := func(block []byte, n int) []byte {
		var out []byte
		for len(out) < n {
			out = append(out, block[:min(len(block), n-len(out))]...)
		}
		return out
	}
	b := sum(key, s, key)
	h := m.new()
	h.Write(key)
	h.Write(s)
	h.Write(stretch(b, len(key)))
	for n := len(key); n > 0; n >>= 1 {
		if n&1 != 0 {
			h.Write(b)
		} else {
			h.Write(key)
		}
	}
	a := h.Sum(nil)
	h.Reset()
	for range key {
		h.Write(key)
	}
	p := stretch(h.Sum(nil), len(key))
	h.Reset()
	for range 16 + int(a[0]) {
		h.Write(s)
	}
	ds := stretch(h.Sum(nil), len(s))
	for i := range rounds {
		if i&0xfff == 0 {
			if err := st.ctx.Err(); err != nil {
				return nil, err
			}
		}
		h.Reset()
		if i&1 != 0 {
			h.Write(p)
		} else {
			h.Write(a)
		}
		if i%3 != 0 {
			h.Write(ds)
		}
		if i%7 != 0 {
			h.Write(p)
		}
		if i&1 != 0 {
			h.Write(a)
		} else {
			h.Write(p)
		}
		a = h.Sum(a[:0])
	}
	var out strings.Builder
	out.WriteString("$" + m.id + "$")
	if rounds != 5000 {
		out.WriteString("rounds=" + strconv.Itoa(rounds) + "$")
	}
	out.WriteString(salt + "$")
	write := func(v uint32, chars int) {
		const alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		for range chars {
			out.WriteByte(alphabet[v&0x3f])
			v >>= 6
		}
	}
	for _, o := range m.order {
		write(uint32(a[o[0]])<<16|uint32(a[o[1]])<<8|uint32(a[o[2]]), 4)
	}
	if len(m.tail) == 1 {
		write(uint32(a[m.tail[0]]), 2)
	} else {
		write(uint32(a[m.tail[0]])<<8|uint32(a[m.tail[1]]), 3)
	}
	return out.String(), nil
}
