package etcdproof

import (
	"context"
	"crypto/rand"
	"fmt"
	random "math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
)

const (
	clients   = 4
	pause     = 20 * time.Millisecond // of a client between two operations
	registers = 3                     // keys in use at a time
	// A key is given up after so many operations: the search for an order
	// grows with the writes of a key that got no answer.
	opsPerKey = 150
	// opTimeout is how long a client waits for an answer.
	opTimeout = 5 * time.Second
	// lastReads is how long the cluster may take, at the end, to answer.
	lastReads = 2 * time.Minute
)

// Prefix is where the clients' keys are. They stay.
const Prefix = "etcdproof/"

// Clients use a few keys of a cluster at once, through all its members.
type Clients struct {
	t     testing.TB
	run   string // what makes the keys those of these clients
	began time.Time
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu      sync.Mutex
	members *members
	history History
	ids     int               // clients so far: one whose write got no answer is another from then on
	seen    map[string]string // the value of each key that somebody saw last
	errors  map[string]int    // what the clients were told, for the log
}

// Start begins to use a cluster. Endpoints may name members that don't answer
// (yet), or one member by its http and its https URL.
func Start(t testing.TB, endpoints []etcd.Endpoint, o etcd.Options) *Clients {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &Clients{t: t, run: rand.Text(), began: time.Now(), stop: cancel, seen: map[string]string{}, errors: map[string]int{}}
	c.Use(endpoints, o)
	for range clients {
		c.done.Go(func() { c.work(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		c.done.Wait()
		c.members.close()
	})
	return c
}

// Use changes which endpoints are used.
func (c *Clients) Use(endpoints []etcd.Endpoint, o etcd.Options) {
	c.t.Helper()
	m, err := dial(endpoints, o)
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	was := c.members
	c.members = m
	c.mu.Unlock()
	if was != nil {
		was.close()
	}
}

// Check stops the clients, reads every key once more through every member that
// answers, and fails the test if the history is not linearizable.
func (c *Clients) Check() {
	c.t.Helper()
	c.stop()
	c.done.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), lastReads)
	defer cancel()
	keys := c.keys()
	for i := range c.members.list {
		c.readAll(ctx, i, keys)
	}
	member := 0
	for _, key := range keys {
		for !c.do(ctx, member, &Op{Key: key}) {
			if member++; ctx.Err() != nil {
				c.t.Fatalf("at the end, no member would read %s: %v", key, c.errors)
			}
			time.Sleep(pause)
		}
	}
	unknown := 0
	for _, op := range c.history {
		if op.Unknown && op.Kind != get {
			unknown++
		}
	}
	if err := c.history.Check(); err != nil {
		c.t.Errorf("%d operations on %d keys: %v", len(c.history), len(keys), err)
		return
	}
	c.t.Logf("%d operations on %d keys are linearizable; %d writes got no answer", len(c.history), len(keys), unknown)
}

// Operations is how many operations have ended so far.
func (c *Clients) Operations() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.history)
}

func (c *Clients) keys() (all []string) {
	for g := range c.generation() + 1 {
		for r := range registers {
			all = append(all, c.key(g, r))
		}
	}
	return all
}

func (c *Clients) generation() int { return len(c.history) / (registers * opsPerKey) }

func (c *Clients) key(generation, register int) string {
	return fmt.Sprintf("%s%s/%04d-%d", Prefix, c.run, generation, register)
}

// work is the life of one client. When it gets no answer it goes to another
// member, where it reads first.
func (c *Clients) work(ctx context.Context) {
	id, member := c.newID()
	cautious := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		op := c.choose(id, cautious)
		cautious = !c.do(context.WithoutCancel(ctx), member, &op)
		if cautious {
			id, member = c.newID()
		}
	}
}

func (c *Clients) newID() (id, member int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids++
	return c.ids, c.ids
}

// choose makes up the next operation.
func (c *Clients) choose(id int, cautious bool) Op {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.generation()
	op := Op{Client: id, Key: c.key(g, random.IntN(registers)), Value: fmt.Sprintf("%d-%d", id, len(c.history))}
	switch n := random.IntN(10); {
	case n == 0:
		op.Key = c.key(random.IntN(g+1), random.IntN(registers)) // nothing old may change
	case cautious || n < 4:
	case n < 7:
		op.Kind = put
	default:
		op.Kind, op.Old = cas, c.seen[op.Key]
	}
	return op
}

// do runs an operation and adds it to the history. It reports whether there
// was an answer.
func (c *Clients) do(ctx context.Context, member int, op *Op) bool {
	c.mu.Lock()
	m := c.members
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	op.Began = time.Since(c.began)
	err := m.do(ctx, member, op)
	op.Ended = time.Since(c.began)
	op.Unknown = err != nil
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.errors[err.Error()]++
	case op.Kind == get:
		c.seen[op.Key] = op.Got
	case op.Kind == put || op.Replaced:
		c.seen[op.Key] = op.Value
	default:
		delete(c.seen, op.Key)
	}
	c.history = append(c.history, *op)
	return err == nil
}

func (c *Clients) readAll(ctx context.Context, member int, keys []string) {
	for _, key := range keys {
		op := Op{Key: key}
		if !c.do(ctx, member, &op) {
			return
		}
	}
}
