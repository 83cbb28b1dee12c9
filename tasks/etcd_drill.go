package tasks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// EtcdDrill restores a backup into a scratch member and looks at it.
type EtcdDrill struct {
	Etcd    EtcdMember    `arg:"etcd,required" doc:"How to ask this host's member; the scratch member is asked with the same certificates and user"`
	Backup  string        `arg:"backup,required" doc:"The snapshot on the controller"`
	Program string        `arg:"program,required" doc:"etcd on the host; etcdutl lies beside it"`
	Etcdutl string        `arg:"etcdutl,required" doc:"etcdutl on the host"`
	Flags   *value.Dict   `arg:"flags" doc:"The member's flags, of which those for its certificates are taken"`
	Dir     string        `arg:"dir,required" doc:"A folder on the host with room for it, made and removed where there is none; all lies in .etcdplay-drill below it"`
	User    string        `arg:"user,required" doc:"Who runs it"`
	Group   string        `arg:"group,required" doc:"Its group"`
	Timeout time.Duration `arg:"timeout" default:"2m" doc:"How long the scratch member may take to serve"`
}

// Doc implements Module.
func (*EtcdDrill) Doc() Doc {
	return Doc{
		Summary: "Restore a backup into a scratch member, and look at it",
		Text: `Uploads the snapshot to one host, one where the cluster does not have its leader,
restores it there into a folder of its own and starts etcd on that, on a free port
of the loopback interface, without fsync, with the members' certificates. It must
come up, and be at the revision, and hash to the value, that the backup's .json
says. Then it is ended and the folder removed; it ends by itself after 15 minutes
should the controller die. The cluster is not touched.

It runs once for all hosts and reports no change.`,
		Examples: `- etcd_drill:
    etcd: "{{ member_api }}"
    backup: "{{ backup.file }}"
    program: "{{ program }}"
    etcdutl: /opt/etcd/current/etcdutl
    dir: /home/etcd/drill
    user: etcd
    group: etcd
`,
		Returns: []Return{{"host", "where it was tried"}, {"revision", "of the restored data"}, {"hash", "whether the hash could be compared: equal or unknown"}},
		Check:   "Nothing is tried.",
	}
}

// Order implements Orderer.
func (*EtcdDrill) Order() Order { return Once }

// Gather implements Gatherer.
func (d *EtcdDrill) Gather(context.Context, *Target) (any, error) { return d, nil }

// Validate implements Validator.
func (d *EtcdDrill) Validate() error {
	return errors.Join(d.Etcd.validate("etcd"), absolute("program", d.Program), absolute("etcdutl", d.Etcdutl), absolute("dir", d.Dir))
}

// folder is where all of it lies: one of its own, for what Dir names may have other
// things in it.
func (d *EtcdDrill) folder() string { return path.Join(d.Dir, ".etcdplay-drill") }

// drillLife is how long a scratch member lives, in seconds, if nobody ends it.
const drillLife = 900

// Run implements Module.
func (d *EtcdDrill) Run(ctx context.Context, t *Target) (Result, error) {
	if t.Check {
		return Result{Msg: "nothing is tried in check mode"}, nil
	}
	file, err := etcd.ReadSnapshot(d.Backup)
	if err != nil {
		return Result{}, Failf("%w", err)
	}
	manifest, err := etcd.ReadManifest(d.Backup)
	if err != nil {
		return Result{}, Failf("%w", err)
	}
	at := d.place(ctx, t)
	args := at.Gathered.(*EtcdDrill)
	on := t.elsewhere(at)
	defer func() { // also after an interruption
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_, _ = on.Script(ctx, script.New().Call("drill_end", args.folder()))
	}()
	state, err := args.try(ctx, on, at, file)
	if err != nil {
		return Result{}, onHost(at, err)
	}
	res := Result{}
	hash, err := compareDrill(state, file, manifest)
	if err != nil {
		return res, onHost(at, err)
	}
	res.Set("host", at.Name)
	res.Set("revision", int(file.Revision))
	res.Set("hash", hash)
	res.Msg = fmt.Sprintf("%s: restored on %s, %d entries, revision %d, hash %s", d.Backup, at.Name, file.Keys, file.Revision, hash)
	res.Text = res.Msg + "\n"
	return res, nil
}

// place is a host that can do it: rather not the leader's.
func (d *EtcdDrill) place(ctx context.Context, t *Target) Peer {
	var seats []seat
	var peers []Peer
	for _, p := range t.Peers {
		if args, ok := p.Gathered.(*EtcdDrill); ok && !p.Outside {
			seats, peers = append(seats, seat{p, &args.Etcd}), append(peers, p)
		}
	}
	c, err := openEtcd(ctx, t, seats)
	if err != nil {
		return peers[0]
	}
	defer c.Close()
	s := c.Look(ctx)
	if i := slices.IndexFunc(s.Endpoints, func(e etcd.EndpointState) bool { return !e.IsLeader() }); i >= 0 {
		return peers[i]
	}
	return peers[0]
}

// try starts the scratch member and returns what it says of itself.
func (d *EtcdDrill) try(ctx context.Context, on *Target, at Peer, file *etcd.SnapshotFile) (*etcd.EndpointState, error) {
	res, err := on.Script(ctx, script.New().Call("drill_begin", d.folder(), d.User, d.Group))
	if err != nil {
		return nil, err
	}
	facts := &daemon{facts: map[string]string{}}
	for k, v := range res.Data.All() {
		facts.facts[k.(string)] = v.(string)
	}
	if free, err := strconv.ParseInt(facts.facts["free"], 10, 64); err == nil && free<<10 < 2*file.Size+256<<20 {
		return nil, Failf("%s has only %s free, and the drill needs %s", d.Dir, sizeText(free<<10), sizeText(2*file.Size+256<<20)).WithHint("give another folder: etcd_drill_dir")
	}
	on.Status("uploading the snapshot")
	f, err := os.Open(d.Backup)
	if err != nil {
		return nil, Failf("%w", err)
	}
	defer f.Close()
	if err := on.Conn.Put(ctx, io.Reader(f), d.folder()+"/snapshot.db", 0o600); err != nil {
		return nil, err
	}
	on.Status("restoring it into a scratch member")
	ports := freeTwo(facts)
	args, url := d.args(ports)
	words := append([]string{d.folder(), d.User, d.Group, strconv.Itoa(drillLife), d.Etcdutl, d.Program}, args...)
	if _, err := on.Script(ctx, script.New().Call("drill_start", words...)); err != nil {
		return nil, err
	}
	return d.ask(ctx, on, at, url)
}

// freeTwo picks two ports that nothing on the host listens on.
func freeTwo(d *daemon) (ports []int) {
	for p := 23790; len(ports) < 2; p++ {
		if !slices.ContainsFunc(d.listeners(), func(l listener) bool { return int(l.addr.Port()) == p }) {
			ports = append(ports, p)
		}
	}
	return ports
}

// args is the scratch member's command line, and the URL to ask it at.
func (d *EtcdDrill) args(ports []int) (args []string, client string) {
	at := func(scheme string, port int) string {
		return scheme + "://" + netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)).String()
	}
	scheme := "http"
	for _, flag := range []string{"cert-file", "key-file", "trusted-ca-file", "client-cert-auth"} {
		if d.Flags == nil {
			break
		}
		if v, ok := d.Flags.Get(flag); ok && v != nil {
			if word, err := flagWord(flag, v); err == nil {
				args, scheme = append(args, word), "https"
			}
		}
	}
	client = at(scheme, ports[0])
	peer := at("http", ports[1])
	return append(args, "--name=default", "--data-dir="+d.folder()+"/data", "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer), client
}

// ask waits until the scratch member serves.
func (d *EtcdDrill) ask(ctx context.Context, on *Target, at Peer, url string) (*etcd.EndpointState, error) {
	m := d.Etcd
	m.Endpoint = url
	c, err := openEtcd(ctx, on, []seat{{at, &m}})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	within, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	for {
		s := c.Observe(within)
		if e := &s.Endpoints[0]; s.Quorum && e.HashRevision != 0 {
			return e, nil
		}
		if err := pauseFor(within, longPause/2); err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			f := Failf("the backup was restored, but no member came up on it within %s", d.Timeout).WithHint("the backup may be of no use: take another one, and look at the log above")
			log, _, _ := on.Query(ctx, script.New().Call("drill_log", d.folder()))
			if f.Stderr = string(log); s.Endpoints[0].Err != nil {
				f.Stderr += s.Endpoints[0].Err.Error()
			}
			return nil, f
		}
	}
}

// compareDrill holds what came up against what the backup is said to be.
func compareDrill(e *etcd.EndpointState, file *etcd.SnapshotFile, m *etcd.Manifest) (hash string, err error) {
	if e.Revision != file.Revision {
		return "", Failf("the restored member is at revision %d, not at %d", e.Revision, file.Revision)
	}
	if m == nil || m.Hash == 0 || m.Revision != e.HashRevision || m.CompactRevision != e.CompactRevision {
		return "unknown", nil
	}
	if m.Hash != e.Hash {
		return "", Failf("the restored data hash to %d, and those of the cluster hashed to %d", e.Hash, m.Hash).WithHint("take another backup; verify.yml tells whether the members agree")
	}
	return "equal", nil
}
