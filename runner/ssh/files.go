package ssh

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// inMemory is how much of a file that can't be read twice is held in memory,
// in bytes; more goes through a temporary file.
const inMemory = 8 << 20

// putText writes standard input to $2: into a temporary file beside it, which
// takes its place only when it holds just the bytes that were sent. A lost
// connection looks like the input's end; the count tells.
const putText = `umask 077; [ ! -d "$2" ] || { echo "it is a directory" >&2; exit 1; }; trap 'rm -f -- "$1"' EXIT; ` +
	`cat >"$1" || exit 1; [ "$(wc -c <"$1")" -eq "$3" ] || { echo "it did not come whole" >&2; exit 1; }; ` +
	`if command -v sha256sum >/dev/null 2>&1; then s=$(sha256sum <"$1"); [ "${s%% *}" = "$4" ] || { echo "its checksum differs" >&2; exit 1; }; fi; ` +
	`chmod -- "$5" "$1" && mv -f -- "$1" "$2"`

// getText writes $1 to standard output behind a fence, so that what the login
// shell may have printed is no part of the file. 66: it does not exist.
const getText = `[ -e "$1" ] || [ -L "$1" ] || exit 66; exec 3<"$1" || exit 1; printf %s "$2"; cat <&3`

const getMissing = 66

// Put writes a file as this user: into a temporary file beside dst, compared
// by size and SHA-256, and then renamed.
func (c *Conn) Put(ctx context.Context, r io.Reader, dst string, mode fs.FileMode) error {
	src, err := measure(r)
	if err != nil {
		return err
	}
	defer src.close()
	tmp := path.Join(path.Dir(dst), ".etcdplay-"+rand.Text())
	code, said, err := c.stream(ctx, src.r, io.Discard, "put", putText, tmp, dst,
		strconv.FormatInt(src.size, 10), src.sum, strconv.FormatUint(uint64(mode.Perm()|octalBits(mode)), 8))
	if err != nil {
		return err
	}
	if code != 0 {
		return &tasks.Failure{Msg: "can't write " + dst, Stderr: said, Code: code}
	}
	return nil
}

// Get reads a file as this user. A missing one is fs.ErrNotExist.
func (c *Conn) Get(ctx context.Context, src string, w io.Writer) error {
	fence := "ep" + rand.Text()
	code, said, err := c.stream(ctx, strings.NewReader(""), &behind{fence: []byte(fence), w: w}, "get", getText, src, fence)
	switch {
	case err != nil:
		return err
	case code == getMissing:
		return &tasks.Failure{Msg: src + " does not exist", Code: code, Err: fs.ErrNotExist}
	case code != 0:
		return &tasks.Failure{Msg: "can't read " + src, Stderr: said, Code: code}
	}
	return nil
}

// stream runs a one-line shell text with arguments on a stage of its own, as
// this user, with in as its standard input.
func (c *Conn) stream(ctx context.Context, in io.Reader, out io.Writer, name, text string, args ...string) (code int, said string, err error) {
	for _, a := range args {
		if strings.ContainsAny(a, "\n\x00") {
			return 0, "", tasks.Failf("a file name with a newline can't be transferred: %q", a)
		}
	}
	line := "exec sh -c " + script.QuoteAll(append([]string{text, name}, args...)...)
	open, err := opening(c.become, line)
	if err != nil {
		return 0, "", err
	}
	p, err := c.start(ctx)
	if err != nil {
		return 0, "", err
	}
	defer p.Close()
	stop := context.AfterFunc(ctx, func() { p.Stdin.Close(); p.Close() })
	defer stop()
	readErr := make(chan error, 1)
	go func() {
		_, err := io.WriteString(p.Stdin, open)
		if err == nil {
			_, err = io.Copy(p.Stdin, in)
		}
		// An error may be the far side's end, of which it says more itself.
		readErr <- err
		p.Stdin.Close()
	}()
	outErr := make(chan error, 1)
	go func() { _, err := io.Copy(out, p.Stdout); outErr <- err }()
	errText := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(io.LimitReader(p.Stderr, 64<<10))
		_, _ = io.Copy(io.Discard, p.Stderr)
		errText <- strings.TrimSpace(string(b))
	}()
	code, err = p.Wait()
	if err == nil {
		err = <-outErr // all of it, not only what came before the exit code
	}
	if ctx.Err() != nil {
		return 0, "", context.Cause(ctx)
	}
	if err != nil {
		return 0, "", c.unreachable("the connection was lost during a transfer", err)
	}
	said = <-errText
	if f := c.becomeFailure(code, said); c.become.User != "" && f != nil {
		return 0, "", f
	}
	return code, said, nil
}

// measured is a file to send: its size and sum are known before it goes.
type measured struct {
	r     io.Reader
	size  int64
	sum   string // SHA-256 in hex
	close func()
}

// measure reads what is to be sent once, for its size and sum.
func measure(r io.Reader) (*measured, error) {
	h := sha256.New()
	m := &measured{close: func() {}}
	var err error
	if s, ok := r.(io.ReadSeeker); ok {
		start, e := s.Seek(0, io.SeekCurrent)
		if e == nil {
			m.size, err = io.Copy(h, s)
			if err == nil {
				_, err = s.Seek(start, io.SeekStart)
			}
			m.r, m.sum = s, hex.EncodeToString(h.Sum(nil))
			return m, err
		}
	}
	head, err := io.ReadAll(io.LimitReader(io.TeeReader(r, h), inMemory))
	if err != nil {
		return nil, err
	}
	m.r, m.size = bytes.NewReader(head), int64(len(head))
	if m.size == inMemory {
		f, err := os.CreateTemp("", "etcdplay-put-")
		if err != nil {
			return nil, err
		}
		m.close = func() { f.Close(); os.Remove(f.Name()) }
		n, err := io.Copy(io.MultiWriter(f, h), r)
		if err == nil {
			_, err = f.Seek(0, io.SeekStart)
		}
		if err != nil {
			m.close()
			return nil, err
		}
		m.r, m.size = io.MultiReader(m.r, f), m.size+n
	}
	m.sum = hex.EncodeToString(h.Sum(nil))
	return m, nil
}

// octalBits are the bits of a mode above the permissions, as chmod counts them.
func octalBits(m fs.FileMode) (bits fs.FileMode) {
	for bit, octal := range map[fs.FileMode]fs.FileMode{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&bit != 0 {
			bits |= octal
		}
	}
	return bits
}

// behind passes on what comes behind a fence.
type behind struct {
	fence []byte
	seen  bool
	head  []byte
	w     io.Writer
}

func (b *behind) Write(p []byte) (int, error) {
	if b.seen {
		return b.w.Write(p)
	}
	b.head = append(b.head, p...)
	if i := bytes.Index(b.head, b.fence); i >= 0 {
		b.seen = true
		if _, err := b.w.Write(b.head[i+len(b.fence):]); err != nil {
			return 0, err
		}
		b.head = nil
	} else if len(b.head) > 1<<20 {
		return 0, errors.New("the login shell prints without end")
	}
	return len(p), nil
}
