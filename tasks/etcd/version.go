package etcd

import (
	"fmt"
	"strconv"
	"strings"
)

// A Version is a release of etcd: major, minor and patch.
type Version [3]int

// ParseVersion reads "3.6.16", with or without a v in front.
func ParseVersion(s string) (Version, error) {
	var v Version
	parts := strings.Split(strings.TrimPrefix(s, "v"), ".")
	if len(parts) != len(v) {
		return v, fmt.Errorf("%q is no version: write it like 3.6.16", s)
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 || strconv.Itoa(n) != p {
			return v, fmt.Errorf("%q is no version: write it like 3.6.16", s)
		}
		v[i] = n
	}
	return v, nil
}

// String is "3.6.16".
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

// Less reports whether v is the older one.
func (v Version) Less(w Version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}

// minor is the release line: "3.6".
func (v Version) minor() string { return fmt.Sprintf("%d.%d", v[0], v[1]) }

// floors are the oldest patches from which the next minor version is reached
// safely: 3.5 before 3.5.32 leaves removed members and promoted learners in a
// store that 3.6 reads otherwise, and 3.7 wants what 3.6 writes from 3.6.11 on.
// Source: etcd's upgrade guides for 3.6 and 3.7.
var floors = map[string]Version{
	"3.5": {3, 5, 32},
	"3.6": {3, 6, 11},
}

// CheckUpgrade refuses a change of version that etcd does not support: a minor
// version skipped, an older one, or one from below the oldest safe patch. from
// are the versions of the running members; of a half upgraded cluster, two.
func CheckUpgrade(from []string, to string) error {
	target, err := ParseVersion(to)
	if err != nil {
		return &Refusal{Text: err.Error()}
	}
	for _, text := range from {
		v, err := ParseVersion(text)
		if err != nil {
			return &Refusal{Text: err.Error()}
		}
		if v[0] != target[0] {
			return refuse("", "there is no way from %s to %s", v, target)
		}
		floor, bounded := floors[v.minor()]
		switch step := target[1] - v[1]; {
		case step < 0:
			return refuse("going back to an older minor version is an operation of its own: downgrade",
				"a member runs %s, which is newer than %s", v, target)
		case step > 1:
			return refuse(fmt.Sprintf("upgrade to the newest %d.%d first", v[0], v[1]+1),
				"from %s to %s a minor version would be skipped", v, target)
		case step == 1 && bounded && v.Less(floor):
			return refuse(fmt.Sprintf("upgrade to %s or newer first", floor),
				"%s is reached safely only from %s on, and a member runs %s", target.minor(), floor, v)
		}
	}
	return nil
}

// CheckChange refuses a change of version that the cluster does not allow: an
// upgrade as CheckUpgrade does; the way back unless older allows it, and over a
// minor version unless the cluster has been told of it and every newer member has
// written its data in the older form. from are the versions of the members, s what
// the running ones say.
func CheckChange(s *State, from []string, to string, older bool) error {
	target, err := ParseVersion(to)
	if err != nil {
		return &Refusal{Text: err.Error()}
	}
	newest := target
	for _, text := range from {
		if v, err := ParseVersion(text); err == nil && newest.Less(v) {
			newest = v
		}
	}
	switch back := fmt.Sprintf("downgrade.yml -e etcd_version=%s goes back", target); {
	case newest == target:
		if e := s.downgrading(); e != nil && !e.downgradesTo(target) {
			return refuse("downgrade.yml finishes it; `etcdctl downgrade cancel` gives it up",
				"the cluster is on its way back to %s, and not to %s", e.DowngradeTarget, target)
		}
		return CheckUpgrade(from, to)
	case newest.minor() == target.minor():
		if !older {
			return refuse(back, "a member runs %s, which is newer than %s", newest, target)
		}
		return nil
	case newest[0] != target[0] || newest[1]-target[1] > 1:
		return refuse("go back one minor version after the other", "from %s back to %s a minor version would be skipped", newest, target)
	case s.downgrading() == nil:
		return refuse(back, "a member runs %s, which is newer than %s, and the cluster was not told of a downgrade", newest, target)
	}
	return s.readyToGoBack(target)
}

// GoBack reports whether the cluster has to be told that its members go back to an
// older version. It refuses what etcd does not support.
func GoBack(s *State, to string) (tell bool, err error) {
	target, err := ParseVersion(to)
	if err != nil {
		return false, &Refusal{Text: err.Error()}
	}
	for _, e := range s.Endpoints {
		v, err := ParseVersion(e.Version)
		switch {
		case e.Err != nil || err != nil:
		case v.Less(target):
			return false, refuse("upgrade.yml goes forward", "%s runs %s, which is older than %s", e.Name, v, target)
		case v[0] != target[0] || v[1]-target[1] > 1:
			return false, refuse("go back one minor version after the other", "from %s back to %s a minor version would be skipped", v, target)
		case v.minor() != target.minor():
			tell = tell || !e.Downgrading
		}
	}
	if e := s.downgrading(); e != nil && !e.downgradesTo(target) {
		return false, refuse("finish that first, or give it up with `etcdctl downgrade cancel`",
			"the cluster is on its way back to %s, and not to %s", e.DowngradeTarget, target)
	}
	if tell && s.downgrading() == nil {
		return true, nil
	}
	return false, nil
}

// Ready is nil when every newer member has written its data in the form that the
// older version reads.
func Ready(s *State, to string) error {
	target, err := ParseVersion(to)
	if err != nil {
		return &Refusal{Text: err.Error()}
	}
	return s.readyToGoBack(target)
}

// Reached is nil when all members run a version, and the cluster works and keeps
// its data as that version does.
func Reached(s *State, to string) error {
	target, err := ParseVersion(to)
	if err != nil {
		return &Refusal{Text: err.Error()}
	}
	for _, e := range s.Endpoints {
		switch {
		case e.Err != nil:
			return refuse("", "%s does not answer: %v", e.Name, e.Err)
		case e.Version != target.String():
			return refuse("", "%s runs %s", e.Name, e.Version)
		case e.StorageVersion != "" && !strings.HasPrefix(e.StorageVersion, target.minor()+"."):
			return refuse("", "%s still keeps its data in the form of %s", e.Name, e.StorageVersion)
		case e.Downgrading:
			return refuse("", "%s still goes back to %s", e.Name, e.DowngradeTarget)
		}
	}
	return nil
}

// Minor is the release line of a version: "3.6".
func Minor(version string) string {
	v, err := ParseVersion(version)
	if err != nil {
		return ""
	}
	return v.minor()
}

// readyToGoBack refuses while a member is not ready to be replaced by one of the
// older version.
func (s *State) readyToGoBack(target Version) error {
	for _, e := range s.Endpoints {
		v, err := ParseVersion(e.Version)
		switch {
		case e.Err != nil || err != nil || v.minor() == target.minor():
		case !e.downgradesTo(target):
			return refuse(fmt.Sprintf("downgrade.yml -e etcd_version=%s goes back", target), "%s does not know of a downgrade to %s", e.Name, target.minor())
		case !strings.HasPrefix(e.StorageVersion, target.minor()+"."):
			return refuse("look again in a few seconds", "%s still keeps its data in the form of %s", e.Name, e.StorageVersion)
		}
	}
	return nil
}

// downgrading is a member that knows of a downgrade, or nil.
func (s *State) downgrading() *EndpointState {
	for i := range s.Endpoints {
		if e := &s.Endpoints[i]; e.Err == nil && e.Downgrading {
			return e
		}
	}
	return nil
}

func (e *EndpointState) downgradesTo(v Version) bool {
	return e.Downgrading && (e.DowngradeTarget == v.minor() || strings.HasPrefix(e.DowngradeTarget, v.minor()+"."))
}

// Oldest is the oldest version that a member runs, or "".
func (s *State) Oldest() string {
	var oldest *Version
	for _, e := range s.Endpoints {
		if v, err := ParseVersion(e.Version); e.Err == nil && err == nil && (oldest == nil || v.Less(*oldest)) {
			oldest = &v
		}
	}
	if oldest == nil {
		return ""
	}
	return oldest.String()
}
