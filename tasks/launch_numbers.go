package tasks

import (
	"strconv"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// counts are the settings that are whole numbers, and the least that makes sense.
// etcd itself takes a quota of a few bytes, and is full at once.
var counts = map[string]int64{
	"heartbeat-interval":       1,
	"election-timeout":         1,
	"snapshot-count":           1,
	"max-request-bytes":        1,
	"max-txn-ops":              1,
	"max-snapshots":            0,
	"max-wals":                 0,
	"snapshot-catchup-entries": 0,
	"quota-backend-bytes":      -1,
}

const (
	// leastQuota is what a new member's database needs, and some room.
	leastQuota = 1 << 20
	// longestElection is etcd's own limit, in milliseconds.
	longestElection = 50_000
)

// nonsense is why no member can be started with the settings, or serve: a number
// that is none, or timing that etcd refuses. nil: none is seen, and etcd itself has
// the last word.
func nonsense(settings []setting) error {
	numbers := map[string]int64{"heartbeat-interval": 100, "election-timeout": 1000} // etcd's own
	for _, s := range settings {
		least, is := counts[s.name]
		if !is {
			continue
		}
		n, err := strconv.ParseInt(s.value, 0, 64)
		if err != nil {
			return Failf("%s must be a whole number, and is %q", s.where, s.value)
		}
		if n < least {
			return Failf("%s must be %d or more, and is %d", s.where, least, n)
		}
		numbers[s.name] = n
	}
	if n := numbers["quota-backend-bytes"]; 0 < n && n < leastQuota {
		return Failf("the quota is %d bytes, and a member with nothing in it would be full", n).
			WithHint("quota-backend-bytes (etcd_quota_backend_bytes) is in bytes: 2147483648 are 2 GiB")
	}
	heartbeat, election := numbers["heartbeat-interval"], numbers["election-timeout"]
	switch {
	case election < 5*heartbeat:
		return Failf("election-timeout must be at least five times heartbeat-interval, and %d is less than 5 * %d", election, heartbeat).
			WithHint("etcd advises ten times; both are milliseconds (etcd_election_timeout, etcd_heartbeat_interval)")
	case election > longestElection:
		return Failf("election-timeout is %d ms, and etcd takes %d at most", election, longestElection)
	}
	return nil
}

// roomy refuses a new quota below what members store already: they would take no more
// writes. 0 is etcd's own quota, and less than that none.
func (u *turn) roomy(s *etcd.State) error {
	words, err := u.words(false)
	if err != nil || !u.d.running() {
		return err
	}
	text := flagIn(words, "quota-backend-bytes")
	quota, err := strconv.ParseInt(text, 0, 64)
	if err != nil || quota <= 0 || text == flagIn(u.d.process.args, "quota-backend-bytes") {
		return nil
	}
	for _, e := range s.Endpoints {
		if e.Err == nil && e.DBSize >= quota {
			return Failf("the quota of %s is less than the %s that %s stores: it would take no more writes", sizeText(quota), sizeText(e.DBSize), e.Name).
				WithHint("give quota-backend-bytes (etcd_quota_backend_bytes) room; defrag.yml frees what is not used any more")
		}
	}
	return nil
}
