package hosts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/etcdplay/etcdplay/test/lab/releases"
	"github.com/etcdplay/etcdplay/test/lab/rootfs"
)

const (
	mirrorPort    = ":8080"
	mirrorTimeout = 10 * time.Second // for the server to answer
)

// MirrorURL is where the lab serves releases, without a trailing slash. The
// layout below it is that of package releases. Only the lab's network reaches
// it.
func (l *Lab) MirrorURL() string { return "http://" + controller + mirrorPort }

// Release makes sure that the mirror has a version of a project, or "latest",
// and returns the version. The first time it takes up to some minutes; all
// labs of this machine share the result.
func (l *Lab) Release(ctx context.Context, p releases.Project, version string) (string, error) {
	return Mirror(l.log).Add(ctx, p, version)
}

// Mirror is the folder of releases that all labs of this machine serve.
func Mirror(log io.Writer) releases.Mirror {
	return releases.Mirror{Dir: mirrorDir(), Log: log}
}

func mirrorDir() string { return filepath.Join(cacheDir(), "mirror") }

func (l *Lab) mirrorRecord() string { return l.path("mirror.json") }

// serveMirror starts an HTTP server that lives as long as the lab.
func (l *Lab) serveMirror(ctx context.Context) error {
	busybox, err := rootfs.Builder{Cache: cacheDir(), Log: l.log}.Busybox(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(mirrorDir(), 0o755); err != nil {
		return err
	}
	log := l.path("mirror.log")
	p, err := detach(ctx, l.mirrorRecord(), log, "nsenter", "--net="+namespaceFile(l.Name), "--",
		busybox, "httpd", "-f", "-p", controller+mirrorPort, "-h", mirrorDir())
	if err != nil {
		return fmt.Errorf("serve the mirror: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, mirrorTimeout)
	defer cancel()
	return until(ctx, "the mirror", func() (bool, error) {
		if !p.running() {
			return false, fmt.Errorf("the mirror ended: %s", tail(log))
		}
		conn, err := l.DialContext(ctx, "tcp4", controller+mirrorPort)
		if err != nil {
			return false, nil
		}
		return true, conn.Close()
	})
}

func (l *Lab) stopMirror(ctx context.Context) error {
	p, err := recorded(l.mirrorRecord())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	family := append(p.children(), p) // httpd forks for each connection
	for _, member := range family {
		err = errors.Join(err, member.signal(syscall.SIGKILL))
	}
	return errors.Join(err, p.wait(ctx))
}
