package tasks

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// Stat tells of a path on the host.
type Stat struct {
	Path       string `arg:"path,required" alias:"dest,name" doc:"The path on the host"`
	Follow     bool   `arg:"follow" doc:"Tell of what a link leads to"`
	Checksum   bool   `arg:"get_checksum" default:"true" doc:"Take the checksum of a regular file"`
	Algorithm  string `arg:"checksum_algorithm" alias:"checksum,checksum_algo" default:"sha1" choices:"md5,sha1,sha224,sha256,sha384,sha512" doc:"Which checksum"`
	Mime       bool   `arg:"get_mime" alias:"mime,mime_type,mime-type" default:"true" doc:"Accepted; the kind of the contents is not told"`
	Attributes bool   `arg:"get_attributes" alias:"attr,attributes" default:"true" doc:"Accepted; lsattr's attributes are not told"`
}

// Doc implements Module.
func (*Stat) Doc() Doc {
	return Doc{
		Summary: "Tell of a file, directory or link on the host",
		Text: `Never changes anything and never fails because nothing is there: stat.exists says
whether something is.`,
		Examples: `- stat:
    path: /var/lib/etcd/member
  register: member

- fail:
    msg: there is data already
  when: member.stat.exists and member.stat.isdir
`,
		Returns: []Return{{"stat", "exists, path, mode, isdir, isreg, islnk, isblk, ischr, isfifo, issock, uid, gid, pw_name, gr_name, size, " +
			"inode, dev, nlink, atime, mtime, ctime, the permission bits rusr … xoth, isuid, isgid, readable, writeable, executable, lnk_source, lnk_target, checksum"}},
	}
}

// Run implements Module.
func (m *Stat) Run(ctx context.Context, t *Target) (Result, error) {
	algorithm := ""
	if m.Checksum {
		algorithm = m.Algorithm
	}
	_, facts, err := t.Query(ctx, script.New().Call("tell_stat", m.Path, flag(m.Follow), algorithm))
	if err != nil {
		return Result{}, err
	}
	var res Result
	res.Set("stat", statDict(facts))
	return res, nil
}

// File types in st_mode, see inode(7).
const (
	typeMask = 0o170000
	typeSock = 0o140000
	typeLink = 0o120000
	typeReg  = 0o100000
	typeBlk  = 0o060000
	typeDir  = 0o040000
	typeChr  = 0o020000
	typeFifo = 0o010000
)

// isDirectory reads the fact stat of tell_stat.
func isDirectory(stat string) bool {
	w := strings.Fields(stat)
	if len(w) < 11 {
		return false
	}
	raw, _ := strconv.ParseInt(w[10], 16, 64)
	return raw&typeMask == typeDir
}

func statDict(facts map[string]string) *value.Dict {
	d := value.NewDict("exists", facts["exists"] == "yes")
	w := strings.Fields(facts["stat"])
	if len(w) < 16 {
		return d
	}
	num := func(i int) int {
		n, _ := strconv.Atoi(w[i])
		return n
	}
	raw, _ := strconv.ParseInt(w[10], 16, 64)
	mode := int(raw & 0o7777)
	d.Set("path", facts["path"])
	d.Set("mode", fmt.Sprintf("%04o", mode))
	d.Set("isdir", raw&typeMask == typeDir)
	d.Set("ischr", raw&typeMask == typeChr)
	d.Set("isblk", raw&typeMask == typeBlk)
	d.Set("isreg", raw&typeMask == typeReg)
	d.Set("isfifo", raw&typeMask == typeFifo)
	d.Set("islnk", raw&typeMask == typeLink)
	d.Set("issock", raw&typeMask == typeSock)
	for i, name := range []string{"uid", "gid", "size", "inode", "dev", "nlink"} {
		d.Set(name, num(i+1))
	}
	for i, name := range []string{"atime", "mtime", "ctime"} {
		d.Set(name, float64(num(i+7)))
	}
	for i, name := range []string{"xoth", "woth", "roth", "xgrp", "wgrp", "rgrp", "xusr", "wusr", "rusr"} {
		d.Set(name, mode&(1<<i) != 0)
	}
	d.Set("isuid", mode&0o4000 != 0)
	d.Set("isgid", mode&0o2000 != 0)
	d.Set("blocks", num(11))
	if w[14] != "UNKNOWN" {
		d.Set("pw_name", w[14])
	}
	if w[15] != "UNKNOWN" {
		d.Set("gr_name", w[15])
	}
	for _, name := range []string{"readable", "writeable", "executable"} {
		d.Set(name, facts[name] == "yes")
	}
	for _, name := range []string{"lnk_source", "lnk_target", "checksum"} {
		if v, ok := facts[name]; ok {
			d.Set(name, v)
		}
	}
	return d
}
