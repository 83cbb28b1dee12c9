package tasks

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// port tries once to connect, and reads what the regular expression wants.
func (w *WaitFor) port(ctx context.Context, conn Conn) (found, error) {
	try, cancel := context.WithTimeout(ctx, w.ConnectTimeout)
	defer cancel()
	nc, err := conn.DialContext(try, "tcp", net.JoinHostPort(w.Host, strconv.Itoa(w.Port)))
	if err != nil {
		if never(ctx, err) {
			return found{}, err
		}
		return found{ok: w.gone(), last: err}, nil
	}
	defer nc.Close()
	if w.gone() {
		return found{last: fmt.Errorf("%s:%d is open", w.Host, w.Port)}, nil
	}
	if w.Search == "" {
		return found{ok: true}, nil
	}
	// Connections through SSH know no deadlines: closing ends what waits.
	defer context.AfterFunc(try, func() { nc.Close() })()
	got, err := readUntil(nc, func(got []byte) bool { return pattern(w.Search).Match(got) })
	if match := pattern(w.Search).FindSubmatch(got); match != nil {
		return found{ok: true, match: match}, nil
	}
	if err == nil || try.Err() != nil || errors.Is(err, io.EOF) {
		err = fmt.Errorf("it sends: %s", excerpt(got))
	}
	return found{last: err}, ctx.Err()
}

// readUntil reads up to 1 MiB, until enough says so.
func readUntil(r io.Reader, enough func([]byte) bool) ([]byte, error) {
	const limit = 1 << 20
	var got []byte
	for buf := make([]byte, 4096); len(got) < limit; {
		n, err := r.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil || enough(got) {
			return got, err
		}
	}
	return got, nil
}

// A watchedFile is read again only when it may have changed.
type watchedFile struct {
	state       string
	since, read time.Time // when that state was first seen, and last read
	last        found
}

// settled reports whether what was read is what is there: some hosts tell the
// time of a change in whole seconds only, so a young file is read once more.
func (f *watchedFile) settled(state string) bool {
	if f.state != state {
		f.state, f.since = state, time.Now()
		return false
	}
	return f.read.Sub(f.since) > 2*time.Second
}

func (w *WaitFor) file(ctx context.Context, t *Target, f *watchedFile) (found, error) {
	_, facts, err := t.Query(ctx, script.New().Call("watch_file", w.Path))
	if err != nil {
		return found{}, err
	}
	there := facts["state"] != ""
	switch {
	case w.gone():
		return found{ok: !there, last: fmt.Errorf("%s is there", w.Path)}, nil
	case !there:
		return found{last: fmt.Errorf("%s is not there", w.Path)}, nil
	case w.Search == "":
		return found{ok: true}, nil
	case f.settled(facts["state"]):
		return f.last, nil
	}
	f.read = time.Now()
	const limit = 64 << 20
	var text bytes.Buffer
	err = t.Conn.Get(ctx, facts["path"], &limited{&text, limit})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return found{last: err}, nil
	case err != nil && !errors.Is(err, errLimit):
		return found{}, err
	}
	f.last = found{last: fmt.Errorf("%s does not match in %s", w.Search, w.Path)}
	if match := pattern(w.Search).FindSubmatch(text.Bytes()); match != nil {
		f.last = found{ok: true, match: match}
	}
	return f.last, nil
}

var errLimit = errors.New("the limit is reached")

// limited takes so many bytes and refuses further ones.
type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	n, err := l.w.Write(b[:min(len(b), l.left)])
	if l.left -= n; err == nil && n < len(b) {
		err = errLimit
	}
	return n, err
}

// tcpStates are the states of connections by their number in /proc/net/tcp.
var tcpStates = []string{"", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING"}

// drained looks whether the port has no active connections any more.
func (w *WaitFor) drained(ctx context.Context, t *Target) (found, error) {
	host, err := netip.ParseAddr(w.Host)
	if w.Host == "localhost" {
		host, err = netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	if err != nil {
		return found{}, Failf("state: drained wants an address for host, not %q", w.Host)
	}
	table, _, err := t.Query(ctx, script.New().Text("cat /proc/net/tcp /proc/net/tcp6 2>/dev/null || :"))
	if err != nil {
		return found{}, err
	}
	n := 0
	for line := range strings.Lines(string(table)) {
		if w.active(line, host) {
			n++
		}
	}
	return found{ok: n == 0, last: fmt.Errorf("%d connections are active", n)}, nil
}

// active reports whether a line of /proc/net/tcp is a connection that counts.
func (w *WaitFor) active(line string, host netip.Addr) bool {
	f := strings.Fields(line)
	if len(f) < 4 {
		return false
	}
	local, ok1 := procAddress(f[1])
	remote, ok2 := procAddress(f[2])
	state, err := strconv.ParseUint(f[3], 16, 8)
	if !ok1 || !ok2 || err != nil || int(state) >= len(tcpStates) {
		return false
	}
	return int(local.Port()) == w.Port && slices.Contains(w.ActiveStates, tcpStates[state]) &&
		(host.IsUnspecified() || local.Addr() == host) && !slices.Contains(w.ExcludeHosts, remote.Addr().String())
}

// procAddress reads ADDRESS:PORT as the kernel prints it: hexadecimal words in
// the machine's own byte order, which is taken to be little-endian.
func procAddress(s string) (netip.AddrPort, bool) {
	addr, port, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(addr)
	p, err2 := strconv.ParseUint(port, 16, 16)
	if err != nil || err2 != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for w := range slices.Chunk(b, 4) {
		slices.Reverse(w)
	}
	a, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a.Unmap(), uint16(p)), ok
}
