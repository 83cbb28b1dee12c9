package tasks

import "context"

// EtcdSettings refuses settings that etcd members can't be started with, before
// anything is touched.
type EtcdSettings struct {
	Launch  *Launch  `arg:"launch,required" doc:"How the member will be run: the arguments of launch"`
	Was     []string `arg:"was" doc:"The command line that it was started with, as preflight tells it; empty for one that never ran"`
	Joining bool     `arg:"joining" doc:"Members may be made anew on the hosts: another data directory is all right"`
}

// Doc implements Module.
func (*EtcdSettings) Doc() Doc {
	return Doc{
		Summary: "Refuse settings that etcd members can't be started with",
		Text: `Looks before anything is touched: numbers that are none, an election timeout that is not
well above the heartbeat, a quota of next to nothing, timing that differs between the
members, another data directory than the one with the data.

Where a member's program or settings differ from those that it was started with, and the
new program is on the host already, that is asked too: it reads and checks all settings,
and stops before it opens a port or a file. A host with nothing new costs nothing.
launch asks the same again before the first restart, of the programs that are there by then.`,
		Examples: `- preflight:
    daemon: {name: etcd, command: etcd}
  register: host

- etcd_settings:
    launch: "{{ member_daemon }}"
    was: "{{ host.command }}"
`,
	}
}

// Validate implements Validator.
func (s *EtcdSettings) Validate() error {
	if s.Launch == nil {
		return nil
	}
	return s.Launch.Validate()
}

// settingsLook is what is known of a host's settings.
type settingsLook struct {
	words []string
	d     *daemon  // nil: nothing is new
	fit   *fitness // as d
}

// Gather implements Gatherer.
func (s *EtcdSettings) Gather(ctx context.Context, t *Target) (any, error) {
	words, err := s.Launch.words(false)
	if err != nil {
		return nil, err
	}
	own := &settingsLook{words: words}
	if len(s.Was) == 0 || s.Was[0] == words[0] && differing(s.Was, words) == "" {
		return own, nil
	}
	if own.d, err = s.Launch.look(ctx, t); err != nil {
		return nil, err
	}
	own.fit, err = s.Launch.seeFit(ctx, t, own.d)
	return own, err
}

// Run implements Module.
func (s *EtcdSettings) Run(_ context.Context, t *Target) (Result, error) {
	own, ok := t.Host.Gathered.(*settingsLook)
	if !ok {
		return Result{}, Failf("the host was not looked at")
	}
	settings, err := s.Launch.settings()
	if err != nil {
		return Result{}, err
	}
	if err := nonsense(settings); err != nil {
		return Result{}, err
	}
	for _, p := range t.Peers {
		if other, ok := p.Gathered.(*settingsLook); ok {
			if err := sameTiming(t.Host.Name, timing(own.words), p.Name, timing(other.words)); err != nil {
				return Result{}, err
			}
		}
	}
	if own.d == nil {
		return Result{}, nil
	}
	if err := moved(s.Was, own.words, own.d); err != nil && !s.Joining {
		return Result{}, err
	}
	return Result{}, own.fit.problem
}
