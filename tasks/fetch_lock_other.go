//go:build !unix

package tasks

import "context"

// lockFile does nothing where files can't be locked: two hosts may then
// download the same file, which costs time and no more.
func lockFile(context.Context, string) (unlock func(), err error) {
	return func() {}, nil
}
