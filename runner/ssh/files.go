package ssh

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/script"
)

const (
	// small is how large a file may be, in bytes, to go as the text of a script
	// through the shell that is open already: one round trip. Larger ones get a
	// session of their own: four, and the time that the login shell takes to
	// start, but no bytes spent on escapes, and what is cut off can be gone on
	// with. SFTP, with concurrent writes, was
	// measured against that session (64 MiB: 0.15 s and 0.36 s on loopback, 1.6 s
	// and 1.8 s at 40 ms): without checksum, mode and rename, which the latter
	// figures have, it gains nothing; and it knows neither sudo nor dropbear.
	small = 64 << 10
	// smallGet is the same for files that come: they come as they are.
	smallGet = 4 << 20
)

// beginPut begins to write a small file: $1 is the temporary file, which the shell
// removes however the script ends, $2 the file.
const beginPut = `umask 077; [ ! -d "$2" ] || { echo "it is a directory" >&2; exit 1; }; ep_beside=$1; `

// endPut compares what arrived with $3, its size, and $4, its SHA-256 where
// the host can tell, and puts it in place with the mode $5.
const endPut = `[ "$(wc -c <"$1")" -eq "$3" ] || { echo "it did not come whole" >&2; exit 1; }; ` +
	`if command -v sha256sum >/dev/null 2>&1; then s=$(sha256sum <"$1"); [ "${s%% *}" = "$4" ] || { echo "its checksum differs" >&2; exit 1; }; fi; ` +
	`chmod -- "$5" "$1" && mv -f -- "$1" "$2"`

// getText writes $1 to standard output behind a fence, so that what the login
// shell may have printed is no part of the file.
const getText = `[ -e "$1" ] || [ -L "$1" ] || exit 66; exec 3<"$1" || exit 1; printf %s "$2"; cat <&3`

// getSmall writes $1 if it is no larger than $2 bytes.
const getSmall = `[ -e "$1" ] || [ -L "$1" ] || exit 66; [ ! -f "$1" ] || [ "$(wc -c <"$1")" -le "$2" ] || exit 67; cat <"$1"`

// exit codes of the texts above
const (
	getMissing = 66
	getLarge   = 67
)

// Put writes a file as this user: into a temporary file on the file system of dst,
// compared by size and SHA-256, and then renamed. What is cut off of a large one
// stays on the host for two days, for the next Put of the same file there.
func (c *Conn) Put(ctx context.Context, r io.Reader, dst string, mode fs.FileMode) error {
	src, err := measure(r)
	if err != nil {
		return err
	}
	defer src.close()
	put := c.upload
	if src.size <= small {
		put = c.putText
	}
	code, said, err := put(ctx, src, dst, strconv.FormatUint(uint64(mode.Perm()|octalBits(mode)), 8))
	if err != nil {
		return err
	}
	if code != 0 {
		return &tasks.Failure{Msg: "can't write " + dst, Stderr: said, Code: code}
	}
	return nil
}

// putText sends a file as the text of a script.
func (c *Conn) putText(ctx context.Context, src *measured, dst, mode string) (code int, said string, err error) {
	data, err := io.ReadAll(src.r)
	if err != nil {
		return 0, "", err
	}
	tmp := path.Join(path.Dir(dst), ".etcdplay-"+rand.Text())
	out, err := c.Exec(ctx, tasks.Command{Script: "set -- " + script.QuoteAll(tmp, dst, strconv.FormatInt(src.size, 10), src.sum, mode) + "\n" +
		beginPut + "printf '" + escaped(data) + "' >\"$1\" || exit 1; " + endPut})
	return out.Code, strings.TrimSpace(string(out.Stderr)), err
}

// escaped makes a format for printf of any bytes, to stand between single quotes.
func escaped(data []byte) string {
	var b strings.Builder
	b.Grow(len(data) + len(data)/4)
	for _, c := range data {
		if c >= ' ' && c < 0x7f && c != '\'' && c != '\\' && c != '%' || c == '\n' || c == '\t' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\%03o`, c)
		}
	}
	return b.String()
}

// Get reads a file as this user. A missing one is fs.ErrNotExist.
func (c *Conn) Get(ctx context.Context, src string, w io.Writer) error {
	out, err := c.Exec(ctx, tasks.Command{Script: "set -- " + script.QuoteAll(src, strconv.Itoa(smallGet)) + "\n" + getSmall})
	code, said := out.Code, string(out.Stderr)
	switch {
	case err != nil:
		return err
	case code == 0:
		_, err := w.Write(out.Stdout)
		return err
	case code == getLarge:
		fence := "ep" + rand.Text()
		code, said, err = c.stream(ctx, io.NopCloser(strings.NewReader("")), &behind{fence: []byte(fence), w: w}, getText, src, fence)
	}
	switch {
	case err != nil:
		return err
	case code == getMissing:
		return &tasks.Failure{Msg: src + " does not exist", Code: code, Err: fs.ErrNotExist}
	case code != 0:
		return &tasks.Failure{Msg: "can't read " + src, Stderr: strings.TrimSpace(said), Code: code}
	}
	return nil
}

// stream runs a shell text with arguments on a session of its own, as this user,
// with in as its standard input. in is closed when the text has ended: its Read
// must return then.
func (c *Conn) stream(ctx context.Context, in io.ReadCloser, out io.Writer, text string, args ...string) (code int, said string, err error) {
	for _, a := range args {
		if strings.ContainsAny(a, "\n\x00") {
			return 0, "", tasks.Failf("a file name with a newline can't be transferred: %q", a)
		}
	}
	line := "exec sh -c " + script.QuoteAll(append([]string{text, "sh"}, args...)...)
	open, err := opening(c.become, gather+line+"\n.")
	if err != nil {
		return 0, "", err
	}
	p, err := c.start(ctx, staged)
	if err != nil {
		return 0, "", err
	}
	c.tally.trips.Add(1)
	defer p.Close()
	stop := context.AfterFunc(ctx, func() { p.Stdin.Close(); p.Close() })
	defer stop()
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(p.Stdin, open)
		if err == nil {
			_, err = io.Copy(p.Stdin, reads{in})
		}
		p.Stdin.Close()
		sent <- err
	}()
	got := make(chan error, 1)
	go func() { _, err := io.Copy(out, p.Stdout); got <- err }()
	words := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(io.LimitReader(p.Stderr, 64<<10))
		_, _ = io.Copy(io.Discard, p.Stderr)
		words <- strings.TrimSpace(string(b))
	}()
	code, err = p.Wait()
	in.Close()
	if err == nil {
		err = <-got // all of it, not only what came before the exit code
	}
	if ctx.Err() != nil {
		return 0, "", context.Cause(ctx)
	}
	if err != nil {
		var ours *readError
		if errors.As(err, &ours) {
			return 0, "", ours.err
		}
		return 0, "", c.unreachable("the connection was lost during a transfer", err)
	}
	said = <-words
	if f := c.becomeFailure(code, said); c.become.User != "" && f != nil {
		return 0, "", f
	}
	// What could not be read here counts, what could not be written there has
	// been said by the far side.
	p.Close()
	var ours *readError
	if errors.As(<-sent, &ours) {
		return 0, "", ours.err
	}
	return code, said, nil
}

// reads marks the errors of reading, to tell them from those of writing.
type reads struct{ r io.Reader }

type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }

func (r reads) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	if err != nil && err != io.EOF {
		err = &readError{err}
	}
	return n, err
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
