package tasks

import (
	"strings"
	"testing"
)

func TestNonsense(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ settings, want string }{
		{"", ""},
		{"heartbeat-interval=150 election-timeout=1500 quota-backend-bytes=8589934592 snapshot-count=10000", ""},
		{"quota-backend-bytes=0", ""},
		{"quota-backend-bytes=-1", ""},
		{"election-timeout=abc", `--election-timeout must be a whole number, and is "abc"`},
		{"quota-backend-bytes=8G", `--quota-backend-bytes must be a whole number, and is "8G"`},
		{"quota-backend-bytes=8", "the quota is 8 bytes"},
		{"heartbeat-interval=0", "--heartbeat-interval must be 1 or more"},
		{"heartbeat-interval=300", "at least five times heartbeat-interval, and 1000 is less than 5 * 300"},
		{"election-timeout=499", "499 is less than 5 * 100"},
		{"election-timeout=50001", "50001 ms, and etcd takes 50000"},
		{"snapshot-count=many", `--snapshot-count must be a whole number`},
	} {
		var settings []setting
		for word := range strings.FieldsSeq(c.settings) {
			name, v, _ := strings.Cut(word, "=")
			settings = append(settings, setting{name, v, "--" + name})
		}
		err := nonsense(settings)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.settings, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.settings, err, c.want)
		}
	}
}

// What etcd prints when it does not take its settings.
func TestComplaint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ said, want string }{
		{"invalid value \"abc\" for flag -election-timeout: parse error\nUsage:\n  etcd", `invalid value "abc" for flag -election-timeout: parse error`},
		{`{"level":"info","msg":"Running: ","args":["etcd"]}
{"level":"warn","msg":"Running http and grpc server on single port. This is not recommended for production."}
{"level":"warn","msg":"failed to verify flags","error":"unknown auto-compaction-mode \"bogus\""}`, `unknown auto-compaction-mode "bogus"`},
		{"panic: unrecognized level: \"bogus\"\n\ngoroutine 1 [running]:", `panic: unrecognized level: "bogus"`},
		{"exit code 1", "exit code 1"},
		{"", "without saying why"},
	} {
		if got := complaint(c.said); !strings.Contains(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// The trial of settings never names what etcd would write to.
func TestTrial(t *testing.T) {
	t.Parallel()
	got := strings.Join(trial("/opt/etcd", []setting{
		{"name", "peer1", "--name"}, {"data-dir", "/home/etcd/data", "--data-dir"},
		{"log-outputs", "/var/log/etcd.log", "ETCD_LOG_OUTPUTS"}, {"enable-log-rotation", "true", "--enable-log-rotation"},
	}), " ")
	if want := "/opt/etcd " + noDataDir + " --name=peer1"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if words := trial("/opt/etcd", []setting{{"config-file", "/etc/etcd.yml", "--config-file"}}); words[1] != "" {
		t.Errorf("etcd would run with its configuration file: %q", words)
	}
}
