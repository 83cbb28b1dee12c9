package ssh

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An aliveness is how silence on a connection is noticed, as ssh_config's
// ServerAliveInterval and ServerAliveCountMax say it.
type aliveness struct {
	every      time.Duration // between questions for a sign of life; 0: none is asked
	unanswered int           // so many in a row may stay without an answer
}

// aliveness works out a route's: the options' where they are set, else
// ssh_config's. Unlike ssh(1), which waits for ever, we ask where it says nothing.
func (o Options) aliveness(one func(string) string) (a aliveness, err error) {
	a = aliveness{every: o.KeepAlive, unanswered: o.Unanswered}
	if text := one("serveraliveinterval"); a.every == 0 && text != "" {
		if a.every, err = seconds(text); err != nil {
			return a, fmt.Errorf("ServerAliveInterval: %w", err)
		}
	} else if a.every == 0 {
		a.every = 15 * time.Second
	}
	if err := number(&a.unanswered, one("serveralivecountmax"), 3); err != nil {
		return a, fmt.Errorf("ServerAliveCountMax: %w", err)
	}
	return a, nil
}

// seconds reads a time as ssh_config(5) has it: 90, 90s, 1m30s.
func seconds(text string) (time.Duration, error) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	var whole time.Duration
	for rest := text; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseUint(rest[:digits], 10, 31)
		unit := time.Second
		if rest = rest[digits:]; rest != "" {
			unit = units[rest[0]|0x20]
			rest = rest[1:]
		}
		if err != nil || unit == 0 {
			return 0, fmt.Errorf("%q is no time: write 30 or 1m30s", text)
		}
		whole += time.Duration(n) * unit
	}
	return whole, nil
}

// watch follows the connection to its end, and closes one that is silent. Any
// byte that arrives is a sign of life.
func (l *remote) watch(a aliveness) {
	dead := make(chan struct{})
	go func() { _ = l.client.Wait(); close(dead); close(l.gone) }()
	if a.every <= 0 {
		return
	}
	tick := time.NewTicker(a.every)
	defer tick.Stop()
	answers := make(chan struct{}, 1)
	asked, waiting, heard := false, 0, l.conn.in.Load()
	for {
		select {
		case <-dead:
			return
		case <-answers:
			asked, waiting = false, 0
		case <-tick.C:
			if now := l.conn.in.Load(); now != heard {
				heard, waiting = now, 0
				continue
			}
			if waiting++; waiting > a.unanswered {
				l.conn.Close()
				return
			}
			if !asked {
				asked = true
				go func() {
					if _, _, err := l.client.SendRequest("keepalive@openssh.com", true, nil); err == nil {
						answers <- struct{}{}
					}
				}()
			}
		}
	}
}
