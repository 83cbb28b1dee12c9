package etcd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// A Manifest is what lies beside a snapshot, in FILE.json: what the snapshot
// itself does not hold.
type Manifest struct {
	MadeBy    string           `json:"made_by"` // MadeBy: a file that etcdplay may remove when it is old
	Cluster   string           `json:"cluster"` // what its operator calls it: the token it was founded with
	ClusterID string           `json:"cluster_id"`
	Member    string           `json:"member"`  // whose database it is
	Version   string           `json:"version"` // of that member's server
	Members   []ManifestMember `json:"members"`
	Time      time.Time        `json:"time"`
	Revision  int64            `json:"revision"`
	// Hash is what HashKV said of the member at Revision. It compares only
	// where CompactRevision is equal. 0: it could not be asked for.
	Hash            uint32 `json:"hash"`
	CompactRevision int64  `json:"compact_revision"`
	Keys            int    `json:"keys"` // older revisions among them
	Size            int64  `json:"size"`
	SHA256          string `json:"sha256"`
}

// A ManifestMember is one member of the cluster at the time of the snapshot.
type ManifestMember struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	PeerURLs []string `json:"peer_urls"`
}

// MadeBy marks the files that etcdplay made itself.
const MadeBy = "etcdplay"

// ManifestOf tells of a snapshot that was just taken from a member.
func ManifestOf(cluster string, s *State, from *EndpointState, f *SnapshotFile, at time.Time) *Manifest {
	m := &Manifest{
		MadeBy: MadeBy, Cluster: cluster, ClusterID: from.Cluster.String(), Member: from.Name, Version: from.Version,
		Time: at.UTC().Truncate(time.Second), Revision: f.Revision, Keys: f.Keys, Size: f.Size, SHA256: f.SHA256,
	}
	for _, one := range s.Members {
		m.Members = append(m.Members, ManifestMember{one.ID.String(), one.Name, one.PeerURLs})
	}
	return m
}

// ManifestName is where the manifest of a snapshot lies.
func ManifestName(snapshot string) string { return snapshot + ".json" }

// ReadManifest reads what lies beside a snapshot; nil if nothing does.
func ReadManifest(snapshot string) (*Manifest, error) {
	name := ManifestName(snapshot)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := &Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// Text is the manifest as it lies on the disk.
func (m *Manifest) Text() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", "  ")
	return append(text, '\n'), err
}

// Foreign says why a snapshot does not seem to be one of the cluster that is
// called so and whose members have these peer URLs; "" if it seems to be. A
// snapshot without a manifest is judged by the members in it.
func (f *SnapshotFile) Foreign(m *Manifest, cluster string, peerURLs []string) string {
	if m != nil {
		switch {
		case m.SHA256 != f.SHA256:
			return "its .json tells of another file"
		case m.Cluster != cluster:
			return fmt.Sprintf("it is of the cluster %q, not of %q", m.Cluster, cluster)
		}
	}
	for _, member := range f.Members {
		if slices.ContainsFunc(member.PeerURLs, func(u string) bool { return slices.Contains(peerURLs, u) }) {
			return ""
		}
	}
	return "none of its members has a peer URL of this cluster"
}
