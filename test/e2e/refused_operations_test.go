package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/internal/pki"
)

// What must not change when an operation on a cluster is refused: all files on its
// hosts, but for the data that a living member writes itself, and the processes.
func (c *cluster) untouched(t *testing.T) (check func()) {
	t.Helper()
	see := func() (disks, map[string]string) {
		all := look(t, c.lab)
		for _, f := range all {
			for path := range f {
				if strings.HasPrefix(path, "/home/etcd/data/member/") {
					delete(f, path)
				}
			}
		}
		return all, c.eachHost(t, "ps -o pid=,lstart=,args= -C etcd || true; ls /home/etcd 2>&1 || true")
	}
	before, processes := see()
	return func() {
		t.Helper()
		now, running := see()
		for name, was := range before {
			if diff := was.Diff(now[name]); len(diff) > 0 {
				t.Errorf("%s was touched:\n  %s", name, strings.Join(diff, "\n  "))
			}
		}
		for name, was := range processes {
			if running[name] != was {
				t.Errorf("on %s there was\n%s\nand now there is\n%s", name, was, running[name])
			}
		}
	}
}

// A bad operation is refused with what is wrong and what to do, and touches nothing.
type badOperation struct {
	name string
	book string
	args []string
	says []string
}

func (o badOperation) test(t *testing.T, c *cluster) {
	t.Run(o.name, func(t *testing.T) {
		check := c.untouched(t)
		c.play(t, o.book, o.args...).want(2).says(o.says...).wantUnchanged()
		check()
	})
}

func TestOperationsRefused(t *testing.T) {
	c := day2(t, 3, nil)
	backup, cut, foreign := c.badBackups(t)
	confirm := []string{"-e", "etcd_confirm=restore"}
	with := func(file string) []string { return append([]string{"-e", "etcd_backup=" + file}, confirm...) }

	living := []badOperation{
		{"an unknown member leaves", "scale-in.yml", []string{"-e", "etcd_remove=peer9"}, []string{"peer9 is neither a member nor a host", "the members are"}},
		{"no member leaves", "scale-in.yml", nil, []string{"which members are to leave", "etcd_remove=peer3"}},
		{"the last member leaves", "scale-in.yml", []string{"-e", "etcd_remove=peer1,peer2,peer3"}, []string{"is the last member", "destroy.yml"}},
		{"an unknown member is replaced", "replace.yml", []string{"-e", "etcd_member=peer9"}, []string{"peer9 is neither a member nor a host", "the members are"}},
		{"a minor version is skipped", "upgrade.yml", []string{"-e", "etcd_version=3.8.0"}, []string{"a minor version would be skipped", "upgrade to the newest 3.7 first"}},
		{"an upgrade to an older version", "upgrade.yml", []string{"-e", "etcd_version=3.5.35"}, []string{"which is newer than 3.5.35", "downgrade"}},
		{"a downgrade skips a minor version", "downgrade.yml", []string{"-e", "etcd_version=3.4.30"}, []string{"a minor version would be skipped"}},
		{"a version that is none", "upgrade.yml", []string{"-e", "etcd_version=newest"}, []string{"etcd_version=3.6.16"}},
		{"a living cluster is restored", "restore.yml", []string{"-e", "etcd_backup=" + backup}, []string{"the cluster is alive", "etcd_confirm=restore"}},
		{"no backup is named", "restore.yml", confirm, []string{"no backup is named", "etcd_backup=FILE"}},
		{"there is no such backup", "restore.yml", with("nowhere.db"), []string{"nowhere.db is no file"}},
		{"a backup that was cut off", "restore.yml", with(cut), []string{"cut off", "nothing was touched"}},
		{"the backup of another cluster", "restore.yml", with(foreign), []string{`it is of the cluster "other"`, "etcd_force=true"}},
		{"a cluster ends without its name", "destroy.yml", []string{"-e", "etcd_confirm=prod"}, []string{`"prod" is not its token`, "peer3: its member ends, and /home/etcd/data is moved aside", "etcd_cluster_token"}},
	}
	stranger, ended := c.badAuthorities(t)
	for _, o := range []struct{ name, pki, says string }{
		{"another authority", stranger, "signed by unknown authority"},
		{"a certificate that has ended", ended, "expired certificate"},
		{"no certificates", filepath.Join(c.dir, "nowhere"), "no such file"},
	} {
		folder := []string{"-e", "etcd_pki=" + o.pki}
		for _, op := range []badOperation{
			{"a restart", "restart.yml", nil, nil},
			{"a replacement", "replace.yml", []string{"-e", "etcd_member=peer2"}, nil},
			{"a restore", "restore.yml", []string{"-e", "etcd_backup=" + backup}, []string{"the cluster may be alive"}},
			{"a recovery", "recover-quorum.yml", nil, []string{"no survivor"}},
		} {
			if o.pki != stranger && op.book != "restore.yml" && !thorough() {
				continue
			}
			living = append(living, badOperation{op.name + " with " + o.name, op.book, append(folder, op.args...), append(op.says, o.says, "etcd_pki")})
		}
	}
	for _, o := range living {
		o.test(t, c)
	}

	// A host that joins has data of something else.
	c.names = c.hosts(4)
	on(t, c.lab, "peer4", "mkdir -p /home/etcd/data/member && echo precious >/home/etcd/data/member/wal")
	badOperation{"a data directory in use", "scale-out.yml", nil, []string{"/home/etcd/data holds data", "never overwritten"}}.test(t, c)
	on(t, c.lab, "peer4", "rm -rf /home/etcd")

	on(t, c.lab, "peer3", "systemctl stop etcd")
	c.names = c.hosts(3)
	badOperation{"a quorum that is there is recovered", "recover-quorum.yml", nil, []string{"has a quorum: there is nothing to recover"}}.test(t, c)
	on(t, c.lab, "peer2", "systemctl stop etcd")
	for _, o := range []badOperation{
		{"a restart", "restart.yml", nil, nil},
		{"a replacement", "replace.yml", []string{"-e", "etcd_member=peer2"}, nil},
		{"an upgrade", "upgrade.yml", []string{"-e", "etcd_version=3.7.3"}, nil},
		{"users", "auth.yml", nil, nil},
		{"a new member", "scale-out.yml", nil, nil},
	} {
		if o.book == "scale-out.yml" {
			c.names = c.hosts(4) // the new one stays bare
		}
		o.name += " without a quorum"
		o.says = []string{"the cluster has no quorum", "peer2 does not answer", "recover-quorum.yml"}
		o.test(t, c)
	}
	c.names = c.hosts(3)
	badOperation{"a backup without a quorum", "backup.yml", nil, []string{"the cluster has no quorum", "recover-quorum.yml"}}.test(t, c)
	badOperation{"a recovery of members that need only be started", "recover-quorum.yml", nil, []string{"the quorum is not lost", "site.yml"}}.test(t, c)

	do(t, c.lab.Reset)
	for _, o := range []badOperation{
		{"a backup that was cut off, on bare hosts", "restore.yml", with(cut), []string{"cut off", "nothing was touched"}},
		{"the backup of another cluster, on bare hosts", "restore.yml", with(foreign), []string{`it is of the cluster "other"`, "etcd_force=true"}},
		{"a replacement on bare hosts", "replace.yml", []string{"-e", "etcd_member=peer2"}, []string{"no member answers", "site.yml"}},
		{"a recovery on bare hosts", "recover-quorum.yml", nil, []string{"no survivor", "restore.yml"}},
	} {
		o.test(t, c)
	}
}

// badBackups are a good backup of the cluster, the beginning of it, and the same as
// one of another cluster.
func (c *cluster) badBackups(t *testing.T) (good, cut, foreign string) {
	t.Helper()
	good, cut, foreign = filepath.Join(c.dir, "good.db"), filepath.Join(c.dir, "cut.db"), filepath.Join(c.dir, "foreign.db")
	c.play(t, "backup.yml", "-e", "etcd_backup="+good).want(0)
	text := read(t, good)
	for name, text := range map[string]string{
		cut: text[:len(text)*2/3], foreign: text,
		foreign + ".json": strings.Replace(read(t, good+".json"), `"etcdcluster01"`, `"other"`, 1),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return good, cut, foreign
}

// badAuthorities are two folders in place of pki: with an authority that the members
// don't know, and with a certificate of theirs that has ended.
func (c *cluster) badAuthorities(t *testing.T) (stranger, ended string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := pki.NewKey()
	must(err)
	other, err := pki.Found(key, "stranger", time.Now())
	must(err)
	ours, err := pki.OpenAuthority([]byte(read(t, c.pki("ca.crt"))), []byte(read(t, c.pki("ca.key"))))
	must(err)
	folder := func(a *pki.Authority, now time.Time) string {
		dir := t.TempDir()
		key, err := pki.NewKey()
		must(err)
		keyPEM, err := pki.EncodeKey(key)
		must(err)
		authorityKey, err := a.KeyPEM()
		must(err)
		cert, err := a.Issue(key.Public(), pki.Order{Name: "admin", Now: now, Life: 24 * time.Hour})
		must(err)
		for name, text := range map[string][]byte{"ca.crt": pki.Encode(a.Cert), "ca.key": authorityKey, "admin.crt": pki.Encode(cert), "admin.key": keyPEM} {
			must(os.WriteFile(filepath.Join(dir, name), text, 0o600))
		}
		return dir
	}
	return folder(other, time.Now()), folder(ours, time.Now().AddDate(0, 0, -3))
}
