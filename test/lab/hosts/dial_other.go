//go:build !linux

package hosts

import (
	"context"
	"errors"
	"net"
)

func dial(context.Context, string, string, string) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}
