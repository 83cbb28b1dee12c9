package ssh

import (
	"slices"
	"testing"
)

func TestChoose(t *testing.T) {
	usual := []string{"a", "b-1", "b-2", "c"}
	for option, want := range map[string][]string{
		"": usual, "x,a": {"x", "a"}, "+x": {"a", "b-1", "b-2", "c", "x"}, "^c,x": {"c", "x", "a", "b-1", "b-2", "c"},
		"-b-*,c": {"a"}, "-*": {},
	} {
		if got := choose(usual, option); !slices.Equal(got, want) {
			t.Errorf("%q: %v", option, got)
		}
	}
}

func TestOldServer(t *testing.T) {
	s := startSSHD(t, "KexAlgorithms diffie-hellman-group14-sha1", "Ciphers aes128-cbc")
	h := s.host()
	refused(t, s.pool(nil), h, "no SSH connection with", "KexAlgorithms")
	h.Args = "-o KexAlgorithms=+diffie-hellman-group14-sha1 -o Ciphers=+aes128-cbc"
	mustExec(t, connect(t, s.pool(nil), h, Become{}), ":")
}
