package tasks

import "testing"

func TestServedAt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, listen, advertise, endpoint, want string }{
		{"as wanted", "https://10.0.0.1:2379", "https://10.0.0.1:2379", "https://10.0.0.1:2379", ""},
		{"another port", "https://10.0.0.1:2379", "https://10.0.0.1:2379", "https://10.0.0.1:2479", "10.0.0.1:2379"},
		{"another address", "https://10.0.0.1:2379", "https://10.0.0.1:2379", "https://10.0.0.2:2379", "10.0.0.1:2379"},
		{"every address", "https://0.0.0.0:2379", "https://node1:2379", "https://10.0.0.1:2379", ""},
		{"every address, another port", "https://[::]:2379", "https://node1:2379", "https://10.0.0.1:2479", "10.0.0.1:2379"},
		{"behind NAT", "https://192.168.0.1:2379", "https://10.0.0.1:2379", "https://10.0.0.1:2379", ""},
		{"still http", "http://10.0.0.1:2379", "http://10.0.0.1:2379", "https://10.0.0.1:2379", ""},
		{"nothing told", "", "", "https://10.0.0.1:2379", ""},
	} {
		args := []string{"/opt/etcd", "--listen-client-urls=" + c.listen, "--advertise-client-urls", c.advertise}
		if got := servedAt(args, c.endpoint); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
