package hosts_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// enterVariable makes this test program enter the lab that it names and say
// what an SSH server there says; see TestEnter.
const enterVariable = "LABTEST_ENTER"

func TestMain(m *testing.M) {
	name := os.Getenv(enterVariable)
	if name == "" {
		os.Exit(m.Run())
	}
	if err := greet(name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func greet(name string) error {
	lab, err := hosts.Open(name)
	if err != nil {
		return err
	}
	if err := lab.Enter(); err != nil {
		return err
	}
	conn, err := net.Dial("tcp4", lab.Hosts[0].Address+":22")
	if err != nil {
		return err
	}
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	fmt.Print(hosts.Inside(), " ", line)
	return err
}
