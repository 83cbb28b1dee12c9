package runner

import (
	"time"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// An Event is something that a run tells. Secrets are out of it already.
type Event interface{ event() }

// A Reporter shows a run to people or machines.
type Reporter interface {
	// Report is called from one goroutine, in the order of the events.
	Report(Event)
}

// PlayStart opens a play, or a batch of a serial one.
type PlayStart struct {
	Name  string
	Hosts []string
	Pos   source.Pos
	Check bool
	Free  bool // strategy free: results of several tasks come mixed
}

// NoHosts is a play whose pattern matches nothing.
type NoHosts struct{ Pattern string }

// TaskStart opens a task: on all hosts (linear), or on its next host (free).
type TaskStart struct {
	Name    string
	Action  string
	Handler bool
	Pos     source.Pos
	Hosts   int
}

// Status is the outcome of a task on a host.
type Status int

// The outcomes.
const (
	OK Status = iota
	Changed
	Skipped
	Failed
	UnreachableHost
)

// A HostResult is one host's outcome of a task, or of one item of its loop.
type HostResult struct {
	Host     string
	Delegate string // the host it ran on, if that is another
	ForAll   bool   // it is no more about this host than about the others: a task that runs once for all
	Task     string // its title, as in TaskStart
	Action   string
	Handler  bool
	Pos      source.Pos
	Status   Status
	Ignored  bool // failed, but the play goes on as if not
	Rescued  bool // failed, and a rescue section takes over

	Loop  bool   // this is the sum of a loop whose items were told before
	Item  bool   // this is one item
	Label string // the item's label
	NoLog bool   // nothing of the result may be shown

	Result  *value.Dict // as register has it
	Diffs   []tasks.Diff
	Text    string // tables and the like, to be shown as they are
	Changes []string
	Stderr  string // a failed command's own words
	Hint    string // what to do about a failure
	Verbose bool   // show the result even without -v (debug)
	Elapsed time.Duration
}

// Retry is a failed try of `until`.
type Retry struct {
	Host, Task string
	Left       int
	Result     *value.Dict
}

// Included is a file that an include brings in for some hosts.
type Included struct {
	File  string
	Hosts []string
	Label string // the loop item's, or ""
}

// Progress says what a host is busy with, for a live line.
type Progress struct{ Host, Task, Text string }

// Warning is something the user should know.
type Warning struct {
	Pos  source.Pos
	Host string
	Text string
}

// NoMoreHosts is a play that was ended because of failures.
type NoMoreHosts struct{}

// HandlersLost lists what was notified on a host and could not run any more.
type HandlersLost struct {
	Host     string
	Handlers []string
}

// AsyncPoll tells of a job in the background.
type AsyncPoll struct {
	Host, Job        string
	Finished, Failed bool
}

// Recap closes the run.
type Recap struct {
	Hosts   []HostStats // sorted by name
	Elapsed time.Duration
	Check   bool
}

// HostStats counts a host's outcomes.
type HostStats struct {
	Host                                                        string
	OK, Changed, Unreachable, Failed, Skipped, Rescued, Ignored int
}

func (PlayStart) event()    {}
func (NoHosts) event()      {}
func (TaskStart) event()    {}
func (HostResult) event()   {}
func (Retry) event()        {}
func (Included) event()     {}
func (Progress) event()     {}
func (Warning) event()      {}
func (NoMoreHosts) event()  {}
func (HandlersLost) event() {}
func (AsyncPoll) event()    {}
func (Recap) event()        {}
