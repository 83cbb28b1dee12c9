package tasks

import (
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
)

func TestHostFacts(t *testing.T) {
	base := map[string]string{
		"uname":   "peer1.example.com\nx86_64\n6.1.0\nLinux\n#1 SMP",
		"fqdn":    "peer1.example.com",
		"meminfo": "MemTotal:        4194304 kB\nMemFree:  1048576 kB\nBuffers: 1024 kB\nCached: 2048 kB\nSwapTotal: 0 kB\n",
		"cpuinfo": "processor\t: 0\nmodel name\t: X\nphysical id\t: 0\nsiblings\t: 4\ncpu cores\t: 2\nprocessor\t: 1\nmodel name\t: X\nphysical id\t: 1\nsiblings\t: 4\ncpu cores\t: 2\n",
		"nproc":   "8",
		"ip_link": "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN \\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n" +
			"2: eth0@if7: <BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue \\    link/ether 02:42:ac:11:00:02 brd ff:ff:ff:ff:ff:ff link-netnsid 0\n" +
			"3: br-lan.5: <BROADCAST> mtu 1400 \\    link/ether 02:00:00:00:00:05 brd ff:ff:ff:ff:ff:ff\n",
		"ip_addr": "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n" +
			"2: eth0    inet 192.168.161.3/24 brd 192.168.161.255 scope global eth0\\ valid_lft forever\n" +
			"2: eth0    inet 192.168.161.9/24 scope global secondary eth0\\ valid_lft forever\n" +
			"2: eth0    inet6 fe80::1/64 scope link \\ valid_lft forever\n" +
			"2: eth0    inet6 fd00::3/64 scope global \\ valid_lft forever\n" +
			"3: br-lan.5    inet 10.0.0.1 peer 10.0.0.2/32 scope global br-lan.5\\ valid_lft forever\n",
		"ip_route":  "default via 10.9.9.9 dev br-lan.5 metric 200\ndefault via 192.168.161.1 dev eth0 proto dhcp src 192.168.161.3 metric 100\n",
		"ip_route6": "default via fe80::ff dev eth0\n",
		"date":      "2026 11 23 01 02 03 1795395723 CET +0100 Monday 1 47", "date_utc": "2026-11-23T00:02:03",
		"user": "deploy\n1000\n1001\n1000\n1001", "passwd": "deploy:x:1000:1001:De Ploy:/home/deploy:/bin/sh",
		"programs": " apt-get systemctl service systemd", "pid1": "systemd\n", "virt": "kvm",
		"mounts":         "/dev/vda1 / ext4 rw,relatime 4096 100 40 1000 900\n/dev/sdb /mnt/a\\040b xfs ro 512 10 5 6 7\n",
		"resolv":         "# c\nnameserver 10.0.0.53\nnameserver ::1\nsearch a.example b.example\n",
		"cmdline":        "quiet root=/dev/vda1\n",
		"os_release":     "ID=debian\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nPRETTY_NAME='Debian 12'\n",
		"debian_version": "12.7\n",
		"local:app":      "{\"port\": 80, \"on\": true}",
		"local:old":      "[main]\nA = 1\n",
		"sshkey:/etc/ssh/ssh_host_ed25519_key.pub": "ssh-ed25519 AAAA root@x",
	}
	f := hostFacts(base, "A=1\x00B=x\ny=z\x00")
	for path, want := range map[string]string{
		"hostname": "peer1", "fqdn": "peer1.example.com", "domain": "example.com", "nodename": "peer1.example.com", "architecture": "x86_64",
		"distribution": "Debian", "distribution_version": "12.7", "distribution_major_version": "12", "distribution_release": "bookworm", "os_family": "Debian",
		"memtotal_mb": "4096", "memory_mb.nocache.free": "1027",
		"processor_count": "2", "processor_cores": "2", "processor_threads_per_core": "2", "processor_vcpus": "8", "processor_nproc": "8",
		"all_ipv4_addresses": "['192.168.161.3', '192.168.161.9', '10.0.0.1']", "all_ipv6_addresses": "['fe80::1', 'fd00::3']",
		"interfaces": "['lo', 'eth0', 'br-lan.5']", "br_lan_5.active": "False", "eth0.ipv4.netmask": "255.255.255.0", "eth0.ipv4.network": "192.168.161.0",
		"eth0.ipv4_secondaries": "[{'address': '192.168.161.9', 'broadcast': '', 'netmask': '255.255.255.0', 'network': '192.168.161.0', 'prefix': '24'}]",
		"default_ipv4.address":  "192.168.161.3", "default_ipv4.gateway": "192.168.161.1", "default_ipv4.interface": "eth0", "default_ipv4.macaddress": "02:42:ac:11:00:02",
		"default_ipv6.address": "fd00::3",
		"date_time.date":       "2026-11-23", "date_time.epoch": "1795395723", "date_time.iso8601": "2026-11-23T00:02:03Z", "date_time.tz": "CET", "date_time.iso8601_basic_short": "20261123T010203",
		"user_id": "deploy", "user_uid": "1000", "user_gid": "1001", "user_dir": "/home/deploy", "user_shell": "/bin/sh", "user_gecos": "De Ploy",
		"pkg_mgr": "apt", "service_mgr": "systemd", "virtualization_type": "kvm", "virtualization_role": "guest",
		"env": `{'A': '1', 'B': 'x\ny=z'}`, "dns.nameservers": "['10.0.0.53', '::1']", "cmdline": "{'quiet': True, 'root': '/dev/vda1'}",
		"local.app": "{'on': True, 'port': 80}", "local.old": "{'main': {'a': '1'}}", "ssh_host_key_ed25519_public": "AAAA", "selinux.status": "disabled",
	} {
		if got := value.Str(dig(f, "ansible_"+path)); got != want {
			t.Errorf("ansible_%s is %s, want %s", path, got, want)
		}
	}
	mounts, _ := dig(f, "ansible_mounts").([]any)
	if len(mounts) != 2 || value.Str(dig(mounts[1].(*value.Dict), "mount")) != "/mnt/a b" || value.Str(dig(mounts[0].(*value.Dict), "size_available")) != "163840" {
		t.Errorf("mounts are %s", value.Str(mounts))
	}
	if got := hostFacts(nil, ""); got.Len() == 0 {
		t.Error("nothing told gave nothing, and no panic")
	}
}

func dig(d *value.Dict, path string) any {
	var v any = d
	for _, key := range splitPath(path) {
		in, ok := v.(*value.Dict)
		if !ok {
			return nil
		}
		v, _ = in.Get(key)
	}
	return v
}

func splitPath(p string) (keys []string) {
	for i := 0; i < len(p); i++ {
		if p[i] == '.' {
			return append([]string{p[:i]}, splitPath(p[i+1:])...)
		}
	}
	return []string{p}
}

func TestDistributions(t *testing.T) {
	for _, c := range []struct{ release, extra, want string }{
		{"ID=ubuntu\nVERSION_ID=22.04\nVERSION_CODENAME=jammy\n", "", "Ubuntu 22.04 22 jammy Debian"},
		{"ID=\"rocky\"\nVERSION_ID=\"9.4\"\nVERSION=\"9.4 (Blue Onyx)\"\nID_LIKE=\"rhel centos fedora\"\n", "", "Rocky 9.4 9 Blue Onyx RedHat"},
		{"ID=centos\nVERSION_ID=7\nVERSION=\"7 (Core)\"\n", "CentOS Linux release 7.9.2009 (Core)", "CentOS 7.9 7 Core RedHat"},
		{"ID=alpine\nVERSION_ID=3.20.1\n", "", "Alpine 3.20.1 3 NA Alpine"},
		{"ID=amzn\nVERSION_ID=2023\n", "", "Amazon 2023 2023 NA RedHat"},
		{"ID=\"opensuse-leap\"\nVERSION_ID=\"15.6\"\n", "", "openSUSE Leap 15.6 15 NA Suse"},
		{"ID=mine\nNAME=Mine\nID_LIKE=\"other debian\"\nVERSION_ID=1\n", "", "Mine 1 1 NA Debian"},
		{"", "", "Linux NA NA NA Linux"},
	} {
		f := value.NewDict()
		distributionFacts(f, map[string]string{"os_release": c.release, "centos_release": c.extra})
		got := ""
		for _, k := range []string{"distribution", "distribution_version", "distribution_major_version", "distribution_release", "os_family"} {
			v, _ := f.Get("ansible_" + k)
			got += " " + value.Str(v)
		}
		if got[1:] != c.want {
			t.Errorf("%q is %s, want %s", c.release, got[1:], c.want)
		}
	}
}
