package jinja

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/etcdplay/etcdplay/internal/value"
)

// lookupPassword reads a password from a file on the machine that runs the
// template, and draws and stores one where there is no such file. /dev/null
// stores nothing.
func lookupPassword(c *call) (any, error) {
	return c.collect(func(word string) (any, error) {
		p, err := c.passwordTerm(word)
		if err != nil || c.err != nil {
			return nil, err
		}
		return p.get(c)
	})
}

type password struct {
	path    string
	length  int
	chars   string
	encrypt string
	seed    any
}

func (c *call) passwordTerm(term string) (*password, error) {
	p := &password{length: c.int(0, 20), encrypt: c.word(2, ""), seed: c.arg(4, nil)}
	chars := c.arg(1, nil)
	path, opts, _ := strings.Cut(term, " ")
	p.path = path
	pairs, err := keyValues(opts)
	if err != nil {
		return nil, &hinted{err.Error(), "a path with blanks can't be used here"}
	}
	for _, kv := range pairs {
		switch kv[0] {
		case "length":
			if p.length, err = strconv.Atoi(kv[1]); err != nil {
				return nil, fmt.Errorf("length=%s is no number", kv[1])
			}
		case "chars":
			chars = kv[1]
		case "encrypt":
			p.encrypt = kv[1]
		case "seed":
			p.seed = kv[1]
		case "ident":
		default:
			return nil, &hinted{"there is no option " + kv[0], didYouMean(kv[0], []string{"length", "chars", "encrypt", "seed", "ident"})}
		}
	}
	if p.length < 1 || p.length > 4096 {
		return nil, fmt.Errorf("a password of %d characters is out of reason", p.length)
	}
	p.chars = passwordChars(chars)
	if p.chars == "" {
		return nil, fmt.Errorf("chars leaves no characters to choose from")
	}
	return p, nil
}

// passwordChars joins sets of characters: names of Python's string module, or
// the characters themselves.
func passwordChars(v any) string {
	const lower, upper, digits = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
	const punctuation = "!#$%&()*+,-./:;<=>?@[\\]^_`{|}~" // without quotes, which Ansible removes
	sets := map[string]string{
		"ascii_letters": lower + upper, "ascii_lowercase": lower, "ascii_uppercase": upper, "digits": digits,
		"hexdigits": "0123456789abcdefABCDEF", "octdigits": "01234567", "punctuation": punctuation,
	}
	var parts []string
	switch v := v.(type) {
	case nil:
		parts = []string{"ascii_letters", "digits", ".,:-_"}
	case string:
		if strings.Contains(v, ",,") {
			parts = append(parts, ",")
		}
		parts = append(parts, strings.Split(strings.ReplaceAll(v, ",,", ","), ",")...)
	case []any:
		for _, e := range v {
			parts = append(parts, value.Str(e))
		}
	}
	out := ""
	for _, p := range parts {
		if set, ok := sets[p]; ok {
			p = set
		}
		out += p
	}
	return strings.NewReplacer(`"`, "", "'", "").Replace(out)
}

// get reads the password, or makes it. Whoever creates the file first wins,
// so that hosts that ask at once get the same password.
func (p *password) get(c *call) (any, error) {
	path := p.path
	if path != "/dev/null" {
		path = c.st.candidates("", path)[0]
	}
	for range 3 {
		content, err := p.stored(c, path)
		if err != nil {
			return nil, err
		}
		if content != "" {
			plain, salt := splitSalt(content)
			return p.encrypted(c, path, plain, salt)
		}
		plain, err := p.draw()
		if err != nil {
			return nil, err
		}
		salt := ""
		if p.encrypt != "" {
			if salt, err = randomText(16, saltChars); err != nil {
				return nil, err
			}
		}
		if path == "/dev/null" {
			return p.hashed(c, plain, salt)
		}
		err = createOnce(path, joinSalt(plain, salt))
		if err == nil {
			return p.hashed(c, plain, salt)
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("the file %s comes and goes", path)
}

// stored is the file's content, "" without a file.
func (p *password) stored(c *call, path string) (string, error) {
	if path == "/dev/null" {
		return "", nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	s, err := c.st.read(path)
	if err != nil {
		return "", err
	}
	s = strings.TrimRightFunc(s, unicode.IsSpace)
	if s == "" {
		return "", &hinted{fmt.Sprintf("the password file %s is empty", path), "delete it, and a new password is made"}
	}
	return s, nil
}

func (p *password) draw() (string, error) {
	if p.seed == nil {
		return randomText(p.length, p.chars)
	}
	m, err := newMersenne(p.seed)
	if err != nil {
		return "", err
	}
	set, out := []rune(p.chars), make([]rune, p.length)
	for i := range out {
		k, err := m.below(len(set))
		if err != nil {
			return "", err
		}
		out[i] = set[k]
	}
	return string(out), nil
}

const saltMark = " salt="

func splitSalt(s string) (plain, salt string) {
	i := strings.LastIndex(s, saltMark)
	if i < 0 {
		return s, ""
	}
	salt, _, _ = strings.Cut(s[i+len(saltMark):], " ident=")
	return s[:i], salt
}

func joinSalt(plain, salt string) string {
	if salt == "" {
		return plain + "\n"
	}
	return plain + saltMark + salt + "\n"
}

// encrypted hashes a stored password; a salt that is drawn for it is stored.
func (p *password) encrypted(c *call, path, plain, salt string) (any, error) {
	if p.encrypt == "" {
		return plain, nil
	}
	if salt == "" {
		var err error
		if salt, err = randomText(16, saltChars); err != nil {
			return nil, err
		}
		if err := replaceFile(path, joinSalt(plain, salt)); err != nil {
			return nil, err
		}
	}
	return p.hashed(c, plain, salt)
}

func (p *password) hashed(c *call, plain, salt string) (any, error) {
	if p.encrypt == "" {
		return plain, nil
	}
	if kind := strings.TrimSuffix(p.encrypt, "_crypt"); kind == "bcrypt" || kind == "blowfish" {
		return nil, &hinted{"encrypt=bcrypt can't be repeated from a salt", "use encrypt=sha512_crypt"}
	}
	return hashPassword(c.st, p.encrypt, plain, salt, 0, 0)
}

// createOnce writes a new file that only its owner can read; it fails with
// fs.ErrExist where there is one. No reader sees half of it.
func createOnce(path, content string) error {
	tmp, err := writeTemp(path, content)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	return os.Link(tmp, path)
}

func replaceFile(path, content string) error {
	tmp, err := writeTemp(path, content)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return err
	}
	return nil
}

func writeTemp(path, content string) (string, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(content)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}
