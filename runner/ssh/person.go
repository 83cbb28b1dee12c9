package ssh

import "context"

// person is the user at the terminal, who can answer one question at a time.
type person struct{ turn chan struct{} }

func newPerson() *person { return &person{make(chan struct{}, 1)} }

// hold waits for the person to be free.
func (p *person) hold(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *person) release() { <-p.turn }
