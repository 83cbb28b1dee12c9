package tasks

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// text is the screen: a line a member, then what is wrong.
func (r *statusReport) text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MEMBER\tDAEMON\tROLE\tVERSION\tLAG\tDATABASE\tIN USE\tQUOTA\tSYNC P99\tCERTIFICATE")
	for _, line := range r.lines {
		cells := []string{line.name, line.daemon, orDash(line.role), "-", orDash(line.lag), "-", "-", "-", syncText(line.sync), r.ends(line)}
		if e := line.state; e != nil {
			cells[3], cells[5], cells[6] = e.Version, sizeText(e.DBSize), sizeText(e.DBInUse)
			if e.DBQuota > 0 {
				cells[7] = fmt.Sprintf("%s, %d%% full", sizeText(e.DBQuota), e.DBSize*100/e.DBQuota)
			}
		} else if line.daemon == "running" {
			cells[2] = "no answer"
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush()
	b.WriteString("\n")
	for _, p := range r.problems {
		b.WriteString("  " + p + "\n")
	}
	b.WriteString(r.summary() + "\n")
	return b.String()
}

func syncText(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d >= time.Minute:
		return "> 8s"
	}
	return "< " + d.String()
}

// slowDisks are warnings: a member may be slow and do its work.
func (r *statusReport) slowDisks() (warnings []string) {
	for _, line := range r.lines {
		if line.sync > syncLimit {
			warnings = append(warnings, fmt.Sprintf("%s: 99 of 100 writes of its log stayed %s on their way to the disk since it was started; etcd wants 10ms", line.name, syncText(line.sync)))
		}
	}
	return warnings
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (r *statusReport) ends(line *statusLine) string {
	if line.ends.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%s (%d days)", line.ends.UTC().Format("2006-01-02"), int(line.ends.Sub(r.now).Hours()/24))
}

// certificateEnds is when the certificate ends that a member shows to clients,
// or the first to end of those that it sends along; zero without TLS. Nothing is
// said to a member over this connection, so that it matters little who it is.
func (m *EtcdMember) certificateEnds(ctx context.Context, t *Target) (ends time.Time, err error) {
	addr, secure, err := etcd.ParseURL(m.Endpoint)
	if err != nil || !secure {
		return ends, err
	}
	config, err := m.config(t.Files)
	if err != nil {
		return ends, err
	}
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	config.InsecureSkipVerify = true // an outdated one is to be told of as well
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	at := &whereabouts{host: Peer{Name: t.Host.Name, Conn: t.Conn}, member: m, target: t}
	raw, err := at.DialContext(ctx, "tcp", addr)
	if err != nil {
		return ends, err
	}
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { raw.Close() })() // connections through SSH know no deadlines
	c := tls.Client(raw, config)
	if err := c.HandshakeContext(ctx); err != nil {
		return ends, err
	}
	for _, cert := range c.ConnectionState().PeerCertificates {
		if ends.IsZero() || cert.NotAfter.Before(ends) {
			ends = cert.NotAfter
		}
	}
	return ends, nil
}
