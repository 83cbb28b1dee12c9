// Command daemon is what the launch tests launch: a member of a cluster that
// is ready when a majority of its peers listens, or for /allz when all do.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", "", "address to serve on")
	peers := flag.String("peers", "", "addresses of all members, comma separated")
	state := flag.String("state", "existing", "new or existing")
	data := flag.String("data", "", "file that says that this member was once started")
	exit := flag.Int("exit", -1, "end at once with this code")
	deaf := flag.Bool("deaf", false, "ignore SIGTERM")
	slow := flag.Duration("slow", 0, "time before it listens")
	flag.String("extra", "", "anything")
	flag.Parse()
	fmt.Printf("starting as uid %d with %q, COLOUR=%q\n", os.Getuid(), os.Args[1:], os.Getenv("COLOUR"))
	if *exit >= 0 {
		fmt.Fprintln(os.Stderr, "told to exit")
		os.Exit(*exit)
	}
	if *data != "" {
		if _, err := os.Stat(*data); err != nil && *state != "new" {
			fmt.Fprintln(os.Stderr, "no data, and the state is existing")
			os.Exit(3)
		}
		if err := os.WriteFile(*data, nil, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(4)
		}
	}
	if *deaf {
		signal.Ignore(syscall.SIGTERM)
	}
	time.Sleep(*slow)
	if *listen == "" {
		select {}
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(5)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			os.Exit(6)
		}
		go serve(c, *peers)
	}
}

func serve(c net.Conn, peers string) {
	defer c.Close()
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return
	}
	status := "200 OK"
	list := strings.Split(peers, ",")
	if strings.Contains(line, "/readyz") && up(list) <= len(list)/2 || strings.Contains(line, "/allz") && up(list) < len(list) {
		status = "503 Service Unavailable"
	}
	fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhm\n", status)
}

// up counts the peers that listen.
func up(peers []string) (n int) {
	for _, p := range peers {
		if c, err := net.DialTimeout("tcp", p, time.Second); err == nil || p == "" {
			if n++; c != nil {
				c.Close()
			}
		}
	}
	return n
}
