package ssh

import (
	"context"
	"time"
)

// Policy says what to do with host keys that known_hosts does not hold.
type Policy string

// The policies, named as ssh_config's StrictHostKeyChecking has them. A key
// that differs from the known one is refused under all but Off.
const (
	Strict    Policy = "strict"     // refuse
	Ask       Policy = "ask"        // ask the user; refuse where nobody can be asked
	AcceptNew Policy = "accept-new" // accept and remember
	Off       Policy = "off"        // accept anything, remember nothing
)

// Policies lists them, for messages and completion.
func Policies() []Policy { return []Policy{Strict, Ask, AcceptNew, Off} }

// Options are what all connections have in common. The zero value works: it
// is what ssh(1) does with the user's own files, but asks nobody anything.
type Options struct {
	Config     string   // the ssh_config file; "": the user's and the system's; "none": no file
	KnownHosts []string // in place of ssh_config's and the usual files; new keys go to the first
	HostKeys   Policy   // "": ssh_config's StrictHostKeyChecking, else Ask

	// AskHostKey asks whether to trust a host's key; nil: there is nobody to ask.
	AskHostKey func(ctx context.Context, q Question) (bool, error)
	// AskPassphrase asks for the passphrase of a key file, at most three times
	// for one file, and only when the server would take that key; nil as above.
	// One question stands at a time.
	AskPassphrase func(ctx context.Context, keyFile string) (string, error)
	// Notice hears of what delays a connection, and, with an empty host, of a
	// system-wide ssh_config that is passed over; may be nil.
	Notice func(host, text string)

	Agent   string        // the agent's socket; "": $SSH_AUTH_SOCK; "none": no agent
	Timeout time.Duration // for the TCP connection, and again for the handshake; 0: ssh_config's ConnectTimeout, else 10 s

	KeepAlive  time.Duration // between signs of life; 0: ssh_config's ServerAliveInterval, else 15 s
	Unanswered int           // how many may go unanswered; 0: ssh_config's ServerAliveCountMax, else 3
	Handshakes int           // how many may go on at once with one server; 0: 8
	Sessions   int           // how many sessions a connection may have (sshd's MaxSessions); 0: 10
}

// Question is what a user must know to trust a host's key.
type Question struct {
	Host        string // the inventory name
	Address     string // as known_hosts will hold it
	KeyType     string // for instance ssh-ed25519
	Fingerprint string // SHA256:…
	File        string // where it will be remembered
}

func (o Options) withDefaults() Options {
	count := func(n *int, to int) {
		if *n <= 0 {
			*n = to
		}
	}
	count(&o.Handshakes, 8)
	count(&o.Sessions, 10)
	if o.Notice == nil {
		o.Notice = func(string, string) {}
	}
	return o
}
