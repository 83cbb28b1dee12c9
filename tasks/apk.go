package tasks

import (
	"context"
	"time"
)

// Apk brings packages of Alpine to a state.
type Apk struct {
	Name       []string      `arg:"name" split:"," doc:"The package or packages: NAME, NAME=VERSION, NAME~VERSION, NAME>VERSION, NAME@REPOSITORY"`
	State      string        `arg:"state" default:"present" choices:"present,installed,latest,absent,removed" doc:"Whether they are there, in the newest version, or not there"`
	Update     bool          `arg:"update_cache" alias:"update-cache" doc:"apk update first; alone it counts as a change, as in Ansible"`
	Valid      time.Duration `arg:"cache_valid_time" default:"0" doc:"Only if the lists are older than this; means update_cache, too"`
	Upgrade    bool          `arg:"upgrade" doc:"Upgrade all packages"`
	Available  bool          `arg:"available" doc:"With upgrade: also to what is older or no longer in the repositories"`
	NoCache    bool          `arg:"no_cache" doc:"Keep no lists on the host"`
	Repository []string      `arg:"repository" split:"," doc:"Repositories to use too"`
}

// Doc implements Module.
func (*Apk) Doc() Doc {
	return Doc{
		Summary: "Install, upgrade or remove packages of Alpine",
		Text:    packageText,
		Examples: `- apk:
    name: [curl, openssl]
    update_cache: true
`,
		Returns: packageReturns,
		Check:   packageCheck,
	}
}

// Validate implements Validator.
func (a *Apk) Validate() error {
	if err := oneWord("repository", a.Repository...); err != nil {
		return err
	}
	for _, n := range a.Name {
		if err := oneWord("name", n); err != nil {
			return err
		}
	}
	switch {
	case a.Upgrade && len(a.Name) > 0:
		return &ArgError{Arg: "upgrade", Msg: "upgrade is for all packages, so it takes no name"}
	case a.Available && !a.Upgrade:
		return &ArgError{Arg: "available", Msg: "available means nothing without upgrade"}
	case a.Name == nil && !a.Upgrade && !a.Update && a.Valid == 0:
		return &ArgError{Arg: "name", Msg: "nothing to do", Hint: "give name, upgrade or update_cache"}
	}
	return packageNames(a.Name)
}

// Run implements Module.
func (a *Apk) Run(ctx context.Context, t *Target) (Result, error) {
	flags := []string{given(a.NoCache, "--no-cache"), given(a.Available, "--available")}
	for _, r := range a.Repository {
		flags = append(flags, "--repository="+r)
	}
	return packages{
		manager: "apk", names: a.Name, state: a.State, update: a.Update, valid: a.Valid, more: a.Upgrade,
		set: map[string]string{"APK_FLAGS": options(flags...), "APK_UPGRADE": flag(a.Upgrade)},
	}.run(ctx, t)
}
