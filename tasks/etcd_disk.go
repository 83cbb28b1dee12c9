package tasks

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// syncLimit is what etcd's documentation wants 99 of 100 writes of a member's log
// to stay below on their way to the disk. The bounds of its own histogram are
// powers of two: 8 ms is well, 16 ms may still be.
// Source: etcd's FAQ, "What does the etcd warning … mean".
const syncLimit = 16 * time.Millisecond

// slowSync is what 99 of 100 writes of the member's log stayed below on their way to
// the disk since it was started, as its metrics tell; zero if they don't.
func (m *EtcdMember) slowSync(ctx context.Context, t *Target) (time.Duration, error) {
	g := Gate{URL: strings.TrimSuffix(m.Endpoint, "/") + "/metrics", TLSFiles: m.TLSFiles}
	q, err := g.at(t.Conn, t.Files)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, gateTry)
	defer cancel()
	resp, err := q.request(ctx)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return percentile99(resp.Body, "etcd_disk_wal_fsync_duration_seconds")
}

// percentile99 is the first bound of a histogram, in Prometheus' text format, that
// 99 of 100 observations don't exceed; zero without observations.
func percentile99(metrics io.Reader, name string) (time.Duration, error) {
	type bucket struct{ le, n float64 }
	var buckets []bucket
	var all float64
	lines := bufio.NewScanner(metrics)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok {
			continue
		}
		key, number, _ := strings.Cut(rest, " ")
		n, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		le, ok := strings.CutPrefix(strings.TrimSuffix(key, `"}`), `_bucket{le="`)
		switch {
		case key == "_count":
			all = n
		case ok && le != "+Inf":
			bound, err := strconv.ParseFloat(le, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", name, err)
			}
			buckets = append(buckets, bucket{bound, n})
		}
	}
	if err := lines.Err(); err != nil || all == 0 {
		return 0, err
	}
	for _, b := range buckets { // they come in order
		if b.n >= 0.99*all {
			return time.Duration(b.le * float64(time.Second)), nil
		}
	}
	return time.Minute, nil
}
