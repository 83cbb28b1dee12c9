package facts

import (
	"fmt"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// devices are the disks, from /sys/block; those of no size (unused loops and
// RAM disks) are left out.
func devices(f files) *value.Dict {
	all := dict()
	for _, name := range sorted(f) {
		rest, ok := strings.CutPrefix(name, "/sys/block/")
		disk, attr, _ := strings.Cut(rest, "/")
		if !ok || attr != "size" || f.line(name) == "0" {
			continue
		}
		at := "/sys/block/" + disk + "/"
		sectors := number(f.line(name))
		d := dict("model", orNil(f.line(at+"device/model")), "vendor", orNil(f.line(at+"device/vendor")),
			"removable", f.line(at+"removable"), "rotational", f.line(at+"queue/rotational"),
			"scheduler_mode", scheduler(f.line(at+"queue/scheduler")),
			"sectors", sectors, "sectorsize", orText(f.line(at+"queue/logical_block_size"), "512"), "size", size(sectors))
		parts := dict()
		for _, p := range sorted(f) {
			if sub, ok := strings.CutPrefix(p, at); ok && strings.HasSuffix(sub, "/start") {
				part, _, _ := strings.Cut(sub, "/")
				n := number(f.line(at + part + "/size"))
				parts.Set(part, dict("start", f.line(p), "sectors", n, "sectorsize", 512, "size", size(n)))
			}
		}
		d.Set("partitions", parts)
		all.Set(disk, d)
	}
	return all
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// scheduler is the one in brackets.
func scheduler(s string) string {
	_, s, _ = strings.Cut(s, "[")
	s, _, _ = strings.Cut(s, "]")
	return s
}

// size is a number of sectors of 512 bytes in a unit that people read.
func size(sectors int) string {
	n := float64(sectors) * 512
	for _, unit := range []string{"Bytes", "KB", "MB", "GB"} {
		if n < 1024 {
			return fmt.Sprintf("%.2f %s", n, unit)
		}
		n /= 1024
	}
	return fmt.Sprintf("%.2f TB", n)
}
