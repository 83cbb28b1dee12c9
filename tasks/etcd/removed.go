package etcd

import (
	"encoding/binary"
	"strings"
)

// gates are the experimental flags of 3.6 that became feature gates.
var gates = map[string]string{
	"experimental-stop-grpc-service-on-defrag":       "StopGRPCServiceOnDefrag",
	"experimental-initial-corrupt-check":             "InitialCorruptCheck",
	"experimental-compact-hash-check-enabled":        "CompactHashCheck",
	"experimental-txn-mode-write-with-shared-buffer": "TxnModeWriteWithSharedBuffer",
	"experimental-enable-lease-checkpoint":           "LeaseCheckpoint",
	"experimental-enable-lease-checkpoint-persist":   "LeaseCheckpointPersist",
}

// renamed are those whose new name is not the old one without experimental-.
var renamed = map[string]string{
	"experimental-snapshot-catch-up-entries": "snapshot-catchup-entries",
}

// Removed reports whether a version does not know a setting any more, by the name
// of its flag, and what to write instead. 3.7 knows no experimental-… settings: as
// a flag one fails at the start, in the environment or the configuration file it
// is silently without effect.
func Removed(version, setting string) (instead string, gone bool) {
	v, err := ParseVersion(version)
	rest, experimental := strings.CutPrefix(setting, "experimental-")
	if err != nil || !experimental || v[0] == 3 && v[1] < 7 {
		return "", false
	}
	if gate, ok := gates[setting]; ok {
		return "feature-gates: " + gate + "=true", true
	}
	if name, ok := renamed[setting]; ok {
		rest = name
	}
	return rest, true
}

// Former is the index of the raft entry in the form of etcd 3.5 whose data begin
// in these bytes of a write-ahead log and end behind them, before the request's
// method. Servers from 3.7 on can't read such an entry, and panic when they apply it.
func Former(head []byte) (index uint64, ok bool) {
	for i := range head {
		if index, ok = formerEntry(head[i:]); ok {
			return index, true
		}
	}
	return 0, false
}

// formerEntry reads a raftpb.Entry (type, term, index, data) up to the method of
// the etcdserverpb.Request (ID, method) in it.
func formerEntry(b []byte) (index uint64, ok bool) {
	if len(b) < 2 || b[0] != 0x08 || b[1] != 0 { // a normal entry
		return 0, false
	}
	b = b[2:]
	for _, tag := range []byte{0x10, 0x18, 0x22, 0x08} {
		var v uint64
		if v, b, ok = field(b, tag); !ok {
			return 0, false
		}
		if tag == 0x18 {
			index = v
		}
	}
	return index, len(b) == 2 && b[0] == 0x12
}

// field reads a number behind its tag.
func field(b []byte, tag byte) (v uint64, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != tag {
		return 0, nil, false
	}
	v, n := binary.Uvarint(b[1:])
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[1+n:], true
}
