package tasks

import (
	"context"
	"strings"
	"time"
)

// Dnf brings packages of Red Hat and its kin to a state, by dnf 4 and 5 or yum.
type Dnf struct {
	Name           []string      `arg:"name" alias:"pkg" split:"," doc:"The package or packages: NAME, NAME-VERSION, @GROUP, a file that a package holds, a package file on the host or its URL; * with state latest for all"`
	State          string        `arg:"state" choices:"present,installed,latest,absent,removed" doc:"Whether they are there, in the newest version, or not there; present unless autoremove says absent"`
	Update         bool          `arg:"update_cache" alias:"expire-cache,update-cache" doc:"Bring the lists of packages up to date first"`
	EnableRepo     []string      `arg:"enablerepo" split:"," doc:"Repositories to use too"`
	DisableRepo    []string      `arg:"disablerepo" split:"," doc:"Repositories not to use"`
	Exclude        []string      `arg:"exclude" split:"," doc:"Packages to leave alone"`
	NoGPGCheck     bool          `arg:"disable_gpg_check" doc:"Trust packages without a signature"`
	VerifyTLS      bool          `arg:"sslverify" default:"true" doc:"Whether repositories must prove who they are"`
	Autoremove     bool          `arg:"autoremove" doc:"Remove packages that were drawn in and are not needed any more"`
	AllowErasing   bool          `arg:"allowerasing" doc:"Packages that are in the way may be removed"`
	AllowDowngrade bool          `arg:"allow_downgrade" doc:"Accepted for Ansible's sake: a NAME-VERSION that is asked for is installed over a newer one, too"`
	NoBest         bool          `arg:"nobest" doc:"Take an older version where the newest can't be installed"`
	SkipBroken     bool          `arg:"skip_broken" doc:"Leave out what can't be installed"`
	WeakDeps       bool          `arg:"install_weak_deps" default:"true" doc:"Whether recommended packages are drawn in"`
	Security       bool          `arg:"security" doc:"With state latest: only upgrades that close security holes"`
	Bugfix         bool          `arg:"bugfix" doc:"With state latest: only upgrades that mend bugs"`
	UpdateOnly     bool          `arg:"update_only" doc:"With state latest: install nothing that is not there"`
	DownloadOnly   bool          `arg:"download_only" doc:"Do not install, only download"`
	ReleaseVer     string        `arg:"releasever" doc:"The release to take packages of"`
	LockTimeout    time.Duration `arg:"lock_timeout" default:"30" doc:"Accepted for Ansible's sake: dnf waits for its lock by itself"`
}

// Doc implements Module.
func (*Dnf) Doc() Doc {
	return Doc{
		Summary: "Install, upgrade or remove packages of Red Hat and its kin",
		Text: packageText + ` Works with dnf 4 and 5, and with yum of older
hosts; yum is the same task.

Missing, compared with Ansible: list, conf_file, installroot, download_dir,
cacheonly.`,
		Examples: `- dnf:
    name: [nginx, "@development"]

- dnf:
    name: "*"
    state: latest
    security: true
`,
		Returns: packageReturns,
		Check:   packageCheck,
	}
}

// Validate implements Validator.
func (d *Dnf) Validate() error {
	for arg, list := range map[string][]string{"enablerepo": d.EnableRepo, "disablerepo": d.DisableRepo, "exclude": d.Exclude, "releasever": {d.ReleaseVer}} {
		if err := oneWord(arg, list...); err != nil {
			return err
		}
	}
	for _, n := range d.Name {
		if n == "*" && d.state() != "latest" {
			return &ArgError{Arg: "name", Msg: `name: "*" wants state: latest`}
		}
	}
	if len(d.Name) == 0 && d.Name == nil && !d.Update && !d.Autoremove {
		return &ArgError{Arg: "name", Msg: "nothing to do", Hint: "give name, update_cache or autoremove"}
	}
	return packageNames(d.Name)
}

func (d *Dnf) state() string {
	switch {
	case d.State != "":
		return d.State
	case d.Autoremove:
		return "absent"
	}
	return "present"
}

// Run implements Module.
func (d *Dnf) Run(ctx context.Context, t *Target) (Result, error) {
	var repos []string
	for _, r := range d.DisableRepo {
		repos = append(repos, "--disablerepo="+r)
	}
	for _, r := range d.EnableRepo {
		repos = append(repos, "--enablerepo="+r)
	}
	for _, e := range d.Exclude {
		repos = append(repos, "--exclude="+e)
	}
	flags := options(strings.Join(repos, " "), given(d.NoGPGCheck, "--nogpgcheck"), given(!d.VerifyTLS, "--setopt=sslverify=0"),
		given(d.AllowErasing, "--allowerasing"), given(d.NoBest, "--nobest"), given(d.SkipBroken, "--skip-broken"),
		given(!d.WeakDeps, "--setopt=install_weak_deps=0"), given(d.Security, "--security"), given(d.Bugfix, "--bugfix"),
		given(d.DownloadOnly, "--downloadonly"), given(d.ReleaseVer != "", "--releasever="+d.ReleaseVer))
	return packages{
		manager: "dnf", names: d.Name, state: d.state(), update: d.Update, more: d.Autoremove,
		set: map[string]string{"DNF_FLAGS": flags, "DNF_AUTOREMOVE": flag(d.Autoremove), "DNF_UPDATE_ONLY": flag(d.UpdateOnly)},
	}.run(ctx, t)
}
