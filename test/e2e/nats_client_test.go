package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// natsRequest asks a host's NATS server, from the controller's place in the
// lab, and returns the answer. What it speaks is NATS' client protocol: the
// server's INFO, our CONNECT, SUB for the answer and PUB.
func natsRequest(ctx context.Context, lab *hosts.Lab, host, subject, payload string) ([]byte, error) {
	h, err := lab.Host(host)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := lab.DialContext(ctx, "tcp4", net.JoinHostPort(h.Address, "4222"))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	const inbox = "_INBOX.etcdplay"
	_, err = fmt.Fprintf(conn, "CONNECT {\"verbose\":false}\r\nSUB %s 1\r\nPUB %s %s %d\r\n%s\r\n", inbox, subject, inbox, len(payload), payload)
	if err != nil {
		return nil, err
	}
	for in := bufio.NewReader(conn); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || f[0] == "INFO":
		case f[0] == "PING":
			if _, err := io.WriteString(conn, "PONG\r\n"); err != nil {
				return nil, err
			}
		case f[0] == "MSG":
			size, err := strconv.Atoi(f[len(f)-1])
			if err != nil {
				return nil, err
			}
			answer := make([]byte, size)
			_, err = io.ReadFull(in, answer)
			return answer, err
		default: // -ERR, or nobody listens there
			return nil, fmt.Errorf("%s answers %q", host, line)
		}
	}
}

// jetStream asks JetStream's API and reads its answer.
func jetStream(ctx context.Context, lab *hosts.Lab, host, subject, payload string, answer any) error {
	text, err := natsRequest(ctx, lab, host, subject, payload)
	if err != nil {
		return err
	}
	var failed struct{ Error *struct{ Description string } }
	if err := json.Unmarshal(text, &failed); err != nil {
		return err
	}
	if failed.Error != nil {
		return fmt.Errorf("%s: %s: %s", host, subject, failed.Error.Description)
	}
	return json.Unmarshal(text, answer)
}
