package tasks

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/pki"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/etcd"
)

// fileFlags are the flags that name a member's certificates, and what etcd_files calls
// them. Those for peers have peer- before.
var fileFlags = []struct{ key, flag string }{{"ca", "trusted-ca-file"}, {"cert", "cert-file"}, {"key", "key-file"}}

// certificates are what TLS needs.
func (a *adoptee) certificates(s etcdSettings, secure bool) {
	clients, peers := map[string]string{}, map[string]string{}
	for _, f := range fileFlags {
		for prefix, files := range map[string]map[string]string{"": clients, "peer-": peers} {
			if name := s.take(prefix+f.flag, ""); name != "" {
				files[f.key] = absoluteFrom(a.facts["dir"], name)
			}
		}
	}
	asks, peersAsk := s.take("client-cert-auth", "false"), s.take("peer-client-cert-auth", "false")
	if !secure {
		return
	}
	extra, _ := a.vars.Get("etcd_extra_args")
	flags, _ := extra.(*value.Dict)
	if asks == "false" {
		flags.Set("client-cert-auth", false)
	}
	if peersAsk == "false" {
		flags.Set("peer-client-cert-auth", false)
	}
	if _, set := s["tls-min-version"]; !set {
		flags.Set("tls-min-version", nil)
	}
	for _, f := range fileFlags {
		switch {
		case peers[f.key] == clients[f.key]:
		case peers[f.key] == "":
			flags.Set("peer-"+f.flag, nil)
		default:
			flags.Set("peer-"+f.flag, peers[f.key])
		}
	}
	dir, ours := strings.CutSuffix(clients["cert"], "/current/member.crt")
	if ours && clients["key"] == dir+"/current/member.key" && clients["ca"] == dir+"/current/ca.crt" {
		if dir != "/etc/etcd/pki" {
			a.vars.Set("etcd_pki_dir", dir)
		}
		a.note("its certificate is of etcdplay's authority: pki/ with ca.crt, ca.key, admin.crt and admin.key must lie beside this file, or where etcd_pki says")
		return
	}
	files := value.NewDict()
	for _, f := range fileFlags {
		if clients[f.key] != "" {
			files.Set(f.key, clients[f.key])
		}
	}
	a.vars.Set("etcd_files", files)
	a.note("its certificates stay where they are (etcd_files), and whoever made them renews them. For us put into pki/ beside this file " +
		"admin.crt and admin.key, a client's certificate of that authority; ca.crt, of who signed the members' certificates, is there when adopt.yml could read it")
}

// autoTLS are the flags of members that make their own certificates.
var autoTLS = []string{"auto-tls", "peer-auto-tls"}

// refuse says which members can't be taken over.
func (r *adoptReport) refuse() error {
	var why []string
	for _, a := range r.members {
		for _, flag := range autoTLS {
			if v := a.settings[flag]; v != "" && v != "false" {
				why = append(why, a.host+": it makes its own certificate ("+flag+"), which nobody can check")
			}
		}
		client := oneURL(a.settings["advertise-client-urls"], "2379").scheme
		peer := oneURL(a.settings["initial-advertise-peer-urls"], "2380").scheme
		if client != peer {
			why = append(why, a.host+": it speaks "+client+" with clients and "+peer+" with its peers; the playbooks know TLS for both or for none")
		}
	}
	if len(why) == 0 {
		return nil
	}
	f := Failf("this cluster can't be adopted").
		WithHint("give its members certificates of one authority, for clients and for peers, as etcd's documentation on transport security says, and adopt it then; nothing was written")
	f.Stderr = strings.Join(why, "\n")
	return f
}

// programs lets the programs that are there be used, so that none need be downloaded.
func (a *adoptee) programs() {
	f, exe := a.facts, a.process.exe
	version := f["version"]
	if version == "" || strings.Contains(f["record"], configMark) {
		return
	}
	again := "; site.yml unpacks the release of " + version + " anew"
	_, former := etcd.ParseVersion(version)
	switch {
	case former != nil:
		return
	case f["exe_version"] != version:
		a.note("its program " + strings.TrimSuffix(exe, " (deleted)") + " was replaced since it was started" + again)
		return
	case etcd.Minor(version) != "3.4" && f["etcdutl"] != version: // 3.4 came without
		a.note("beside its program " + exe + " there is no etcdutl of its version, which restore.yml and upgrade.yml need" + again)
		return
	}
	files := []any{exe}
	for _, name := range []string{"etcdctl", "etcdutl"} {
		if f[name] == version {
			files = append(files, path.Join(path.Dir(exe), name))
		}
	}
	a.vars.Set("etcd_programs", value.NewDict(version, files))
}

// writeAuthorities keeps whom the members trust, for those that ask them.
func (r *adoptReport) writeAuthorities(t *Target, file string) error {
	var all []*x509.Certificate
	for _, a := range r.members {
		if strings.Contains(a.facts["record"], configMark) {
			return nil // pki/ is there
		}
		certs, err := pki.ParseCerts(a.access.ca)
		if len(a.access.ca) == 0 || err != nil {
			continue
		}
		for _, c := range certs {
			if !slices.ContainsFunc(all, c.Equal) {
				all = append(all, c)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	text := pki.Encode(all...)
	switch have, err := t.Files.Read(file); {
	case err == nil && bytes.Equal(have, text):
		return nil
	case err == nil:
		r.warnings = append(r.warnings, file+" is there already, with other authorities than the members trust: it is left as it is")
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return Failf("can't read %s: %w", file, err)
	}
	if !t.Would("write the members' authorities to %s", file) {
		return nil
	}
	if err := t.Files.Write(file, text, 0o644, false); err != nil {
		return Failf("can't write %s: %w", file, err)
	}
	return nil
}
