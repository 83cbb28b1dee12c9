package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
)

// profile begins to record what the program spends its time or memory on, for
// `go tool pprof` and `go tool trace`, in the file KIND.prof of this folder. The
// returned function ends it. An empty kind records nothing.
func profile(kind string) (end func() error, err error) {
	if kind == "" {
		return func() error { return nil }, nil
	}
	kinds := map[string]struct {
		begin func(io.Writer) error
		end   func(io.Writer) error
	}{
		"cpu":   {pprof.StartCPUProfile, func(io.Writer) error { pprof.StopCPUProfile(); return nil }},
		"trace": {trace.Start, func(io.Writer) error { trace.Stop(); return nil }},
		"mem": {func(io.Writer) error { return nil }, func(w io.Writer) error {
			runtime.GC() // what it shows as in use is as of the last collection
			return pprof.Lookup("allocs").WriteTo(w, 0)
		}},
	}
	k, ok := kinds[kind]
	if !ok {
		return nil, usageError("--profile %s is none of cpu, mem, trace", kind)
	}
	f, err := os.Create(kind + ".prof")
	if err != nil {
		return nil, err
	}
	if err := k.begin(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() error {
		err := k.end(f)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", f.Name(), err)
		}
		return nil
	}, nil
}
