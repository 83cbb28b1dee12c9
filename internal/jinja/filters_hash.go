package jinja

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"unicode/utf8"
)

// hashFilters encode and hash text.
func hashFilters() map[string]function {
	digest := func(name string) function {
		return function{fn: func(c *call) (any, error) { return digestOf(name, c.input()) }}
	}
	return map[string]function{
		"hash":     {sig: "hashtype", fn: func(c *call) (any, error) { return digestOf(c.word(0, "sha1"), c.input()) }},
		"md5":      digest("md5"),
		"sha1":     digest("sha1"),
		"checksum": digest("sha1"),
		"b64encode": {sig: "encoding", fn: func(c *call) (any, error) {
			c.utf8Only(0)
			return c.str(base64.StdEncoding.EncodeToString([]byte(c.input())))
		}},
		"b64decode": {sig: "encoding", fn: func(c *call) (any, error) {
			c.utf8Only(0)
			s := strings.Map(func(r rune) rune { // Python skips what is not in the alphabet
				if strings.ContainsRune("\r\n\t ", r) {
					return -1
				}
				return r
			}, c.input())
			out, err := base64.StdEncoding.DecodeString(s)
			if err != nil {
				return nil, fmt.Errorf("b64decode: this is no base64: %w", err)
			}
			if !utf8.Valid(out) {
				return nil, &hinted{"b64decode: what comes out is no UTF-8 text", "write binary files with copy or unarchive"}
			}
			return c.str(string(out))
		}},
		"password_hash": {sig: "hashtype salt salt_size rounds ident", fn: filterPasswordHash},
		"to_uuid":       {sig: "namespace", fn: filterUUID},
	}
}

// utf8Only refuses an encoding other than UTF-8.
func (c *call) utf8Only(i int) {
	if !c.given(i) {
		return
	}
	switch strings.ToLower(strings.ReplaceAll(c.word(i, ""), "_", "-")) {
	case "utf-8", "utf8", "ascii", "us-ascii":
	default:
		c.fail(fmt.Errorf("%s knows only the encoding utf-8, not %s", c.fn.name, brief(c.args[i])))
	}
}

func digestOf(name, s string) (any, error) {
	sum, known := Digest(name, []byte(s))
	if !known {
		return nil, &hinted{fmt.Sprintf("there is no hash %s", brief(name)),
			"there are: md5, sha1, sha224, sha256, sha384, sha512, sha3_256, sha3_512"}
	}
	return sum, nil
}

// Digest is a checksum in hexadecimal digits, by the name that the filter hash
// and checksum arguments have for it: sha256. known is false for other names.
func Digest(algorithm string, data []byte) (sum string, known bool) {
	var h hash.Hash
	switch strings.ToLower(strings.ReplaceAll(algorithm, "-", "_")) {
	case "md5":
		h = md5.New()
	case "sha1":
		h = sha1.New()
	case "sha224":
		h = sha256.New224()
	case "sha256":
		h = sha256.New()
	case "sha384":
		h = sha512.New384()
	case "sha512":
		h = sha512.New()
	case "sha3_256":
		h = sha3.New256()
	case "sha3_512":
		h = sha3.New512()
	default:
		return "", false
	}
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil)), true
}

// ansibleNamespace is the UUID that Ansible's to_uuid hashes in.
const ansibleNamespace = "361E6D51-FAEC-444A-9079-341386DA8E2E"

func filterUUID(c *call) (any, error) {
	ns := c.word(0, ansibleNamespace)
	raw, err := hex.DecodeString(strings.NewReplacer("-", "", "{", "", "}", "", "urn:uuid:", "").Replace(ns))
	if err != nil || len(raw) != 16 {
		return nil, fmt.Errorf("%s is no UUID", brief(ns))
	}
	sum := sha1.Sum(append(raw, c.input()...))
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]), nil
}
